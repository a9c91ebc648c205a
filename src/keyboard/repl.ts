/** `dpbench repl`: Node's prompt, with `await`, and the machines of an environment as suites have them. */
import { start } from 'node:repl'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { DpbenchError, describeError } from '../core/errors.ts'
import { type Streams, isTerminal } from './attach.ts'

export interface PromptOptions extends Streams {
  /** What is there by name. */
  readonly context: Readonly<Record<string, unknown>>
  /** Says what there is, to a person. */
  readonly greeting: string
  /** Ends what is being waited for: somebody at the terminal has pressed Ctrl-C. */
  readonly interrupt: () => void
  readonly signal: AbortSignal
}

/** Until `.exit`, Ctrl-D or the input's end. Returns 0, or without a terminal 1 when something was thrown. */
export function evaluate(options: PromptOptions): Promise<number> {
  return isTerminal(options) ? prompt(options) : script(options)
}

async function prompt({
  stdin,
  stdout,
  stderr,
  context,
  greeting,
  interrupt,
  signal,
}: PromptOptions): Promise<number> {
  stderr.write(`${greeting}\n`)
  // what is thrown at a person is a sentence, not a stack of this program's own files
  Object.defineProperty(DpbenchError.prototype, inspect.custom, {
    configurable: true,
    value(this: DpbenchError) {
      return `${this.name}: ${describeError(this)}`
    },
  })
  // without breakEvalOnSigint a Ctrl-C is kept until what is awaited has ended
  const server = start({
    input: stdin,
    output: stdout,
    terminal: true,
    prompt: 'dpbench> ',
    breakEvalOnSigint: true,
  })
  for (const [name, value] of Object.entries(context))
    Object.defineProperty(server.context, name, { value, enumerable: true })
  server.on('SIGINT', interrupt)
  const stop = (): void => server.close()
  signal.addEventListener('abort', stop, { once: true })
  await new Promise<void>((resolve) => server.once('exit', () => resolve()))
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  return 0
}

type Script = (...values: readonly unknown[]) => Promise<unknown>

/** All lines are one script, so that a later one has what an earlier one declared; it prints what it wants seen. */
async function script({ stdin, stderr, context, signal }: PromptOptions): Promise<number> {
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
  )
  const AsyncFunction = script.constructor as new (...source: readonly string[]) => Script
  try {
    const source = await Promise.race([text(stdin), aborted])
    const run = new AsyncFunction(...Object.keys(context), source)
    await Promise.race([run(...Object.values(context)), aborted])
    return 0
  } catch (error) {
    if (signal.aborted) throw error
    stderr.write(`${error instanceof Error ? `${error.name}: ` : ''}${describeError(error)}\n`)
    return 1
  }
}
