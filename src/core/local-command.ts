/** Runs a program on the controller itself: argument array in, result out, no shell. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { CommandError, type CommandResult } from './command-result.ts'
import { programEnvironment } from './passphrase.ts'
import { quoteArgv } from './shell-quote.ts'
import { type Observe, asCommand, controller } from './steps.ts'

export interface LocalCommandOptions {
  /** Default 60 s. At the deadline the program gets SIGTERM, and SIGKILL 2 s later. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  readonly input?: string | Buffer | Readable
  /** Standard output goes there, byte for byte, instead of into the result; it is ended with the program. */
  readonly output?: Writable
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** A process group of its own: the deadline and the signal end all that it started, not it alone. */
  readonly ownGroup?: boolean
  /** Called with each line of stdout and stderr as it comes. */
  readonly onLine?: (line: string) => void
  readonly observe?: Observe | undefined
  /** Answers in the place of the program. */
  readonly instead?: ((argv: readonly string[]) => Promise<CommandResult>) | undefined
}

/** Runs `argv` and resolves however it ends. Throws only when the program cannot be started. */
export async function tryLocally(
  argv: readonly string[],
  options: LocalCommandOptions = {},
): Promise<CommandResult> {
  const step = { machine: controller, kind: 'command', name: quoteArgv(argv) } as const
  return asCommand(
    options.observe,
    step,
    () => (options.instead ?? ((own) => spawned(own, options)))(argv),
    options.signal,
  )
}

async function spawned(argv: readonly string[], options: LocalCommandOptions): Promise<CommandResult> {
  const [program, ...args] = argv
  if (program === undefined) throw new TypeError('an empty command')
  const started = performance.now()
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: programEnvironment(options.env),
    detached: options.ownGroup ?? false,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  if (options.output) child.stdout?.pipe(options.output, { end: false })
  const stdout = options.output ? () => '' : collect(child.stdout, options.onLine)
  const stderr = collect(child.stderr, options.onLine)
  if (child.stdin) {
    child.stdin.on('error', () => undefined) // the program may end before it has read everything
    if (typeof options.input === 'string' || Buffer.isBuffer(options.input)) child.stdin.end(options.input)
    else options.input?.pipe(child.stdin)
  }
  let timedOut = false
  const stop = (): void => {
    kill(child, 'SIGTERM', options)
    setTimeout(() => kill(child, 'SIGKILL', options), 2000).unref()
  }
  const timer = setTimeout(() => {
    timedOut = true
    stop()
  }, options.timeoutMs ?? 60_000)
  if (options.signal?.aborted) stop()
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
      (resolve, reject) => {
        child.once('error', reject)
        child.once('close', (code, endSignal) => resolve([code, endSignal]))
      },
    )
    const durationMs = performance.now() - started
    return {
      host: 'localhost',
      argv,
      exitCode,
      signal,
      stdout: stdout(),
      stderr: stderr(),
      durationMs,
      timedOut,
    }
  } finally {
    clearTimeout(timer)
    options.output?.end()
    options.signal?.removeEventListener('abort', stop)
  }
}

/**
 * Runs `argv` and returns its result.
 * @throws CommandError when it does not end with status 0.
 */
export async function runLocally(
  argv: readonly string[],
  options: LocalCommandOptions = {},
): Promise<CommandResult> {
  const result = await tryLocally(argv, options)
  options.signal?.throwIfAborted()
  if (result.exitCode !== 0 || result.timedOut) throw new CommandError(result)
  return result
}

function kill(child: ChildProcess, signal: NodeJS.Signals, { ownGroup }: LocalCommandOptions): void {
  if (!ownGroup || child.pid === undefined) return void child.kill(signal)
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // all of it has ended
  }
}

function collect(stream: Readable | null, onLine?: (line: string) => void): () => string {
  const chunks: Buffer[] = []
  let rest = ''
  stream?.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    if (!onLine) return
    const lines = (rest + chunk.toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
