/** `dpbench repl`: Node's prompt, with `await`, and the machines of an environment as suites have them. */
import { type REPLServer, start } from 'node:repl'
import { describeError } from '../core/errors.ts'
import { type Streams, isTerminal } from './attach.ts'

export interface PromptOptions extends Pick<Streams, 'stdin' | 'stdout' | 'stderr'> {
  /** What is there by name. */
  readonly context: Readonly<Record<string, unknown>>
  /** Says what there is, to a person. */
  readonly greeting: string
  readonly signal: AbortSignal
}

/** Until `.exit`, Ctrl-D or the input's end. Returns 0, or without a terminal 1 when a line has thrown. */
export async function evaluate(options: PromptOptions): Promise<number> {
  const { stdin, stdout, stderr, context, greeting, signal } = options
  const person = isTerminal(options)
  if (person) stderr.write(`${greeting}\n`)
  const server = start({
    input: stdin,
    output: stdout,
    terminal: person,
    prompt: person ? 'dpbench> ' : '',
    // what a line gives is shown to people; a script prints what it wants
    ...(person ? {} : { ignoreUndefined: true }),
  })
  for (const [name, value] of Object.entries(context))
    Object.defineProperty(server.context, name, { value, enumerable: true, writable: false })
  const failed = tellErrors(server, stderr)
  const stop = (): void => server.close()
  signal.addEventListener('abort', stop, { once: true })
  await new Promise<void>((resolve) => server.once('exit', () => resolve()))
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  return !person && failed() ? 1 : 0
}

/** Of what is thrown the sentence is shown, not a stack of this program's own files. */
function tellErrors(server: REPLServer, stderr: NodeJS.WritableStream): () => boolean {
  let failed = false
  const evaluateLine = server.eval
  ;(server as { eval: REPLServer['eval'] }).eval = function (code, context, file, done) {
    evaluateLine.call(server, code, context, file, (error, result: unknown) => {
      // a line that goes on in the next one is not at fault
      if (!error || error.name === 'Recoverable' || 'err' in error) return done(error, result)
      failed = true
      stderr.write(`${error.name}: ${describeError(error)}\n`)
      done(null, undefined)
    })
  }
  return () => failed
}
