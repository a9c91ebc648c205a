/** A command inside a container, by the Docker API, with its output apart and its exit code. */
import { type Duplex, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type Docker from 'dockerode'
import type { CommandResult } from '../../core/command-result.ts'
import { quoteArgv } from '../../core/shell-quote.ts'
import { asCommand } from '../../core/steps.ts'
import { doubtfulMs, observerOf, silentEngine, silentEngines } from './observed-modem.ts'

/**
 * Runs `argv` in `container` and resolves however it ends.
 * @throws the engine's error when the container does not run (`statusCode` 409) or is gone (404).
 */
export function execInContainer(
  host: string,
  container: Docker.Container,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<CommandResult> {
  const observe = observerOf(container)
  if (!observe) return exec(host, container, argv, options)
  const name = `docker exec ${container.id.replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, '$1')} ${quoteArgv(argv)}`
  const step = { machine: host, kind: 'command', name } as const
  return asCommand(observe, step, () => exec(host, container, argv, options), options.signal)
}

interface ExecOptions {
  /** Default 30 s, and 5 s on an engine on which a command or a call ran into that. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

const usualMs = 30_000

/** Engines that answer, and on which the last command did not end in time: the next is not to wait as long. */
const stuck = new WeakSet<object>()

async function exec(
  host: string,
  container: Docker.Container,
  argv: readonly string[],
  options: ExecOptions,
): Promise<CommandResult> {
  const started = performance.now()
  const engine = container.modem as object
  const doubtful = stuck.has(engine) || silentEngines.has(engine)
  const timeoutMs = options.timeoutMs ?? (doubtful ? doubtfulMs : usualMs)
  const deadline = AbortSignal.timeout(timeoutMs)
  const abortSignal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline
  const begin = async (): Promise<{ created: Docker.Exec; stream: Duplex }> => {
    const command = { Cmd: [...argv], AttachStdout: true, AttachStderr: true, abortSignal }
    const created = await container.exec(command)
    return { created, stream: await created.start({ hijack: false, stdin: false, abortSignal }) }
  }
  const { created, stream } = await begin().catch((error: unknown) => {
    if (!deadline.aborted) throw error
    silentEngines.add(engine)
    throw silentEngine(host, timeoutMs, `docker exec ${quoteArgv(argv)}`)
  })
  const stdout = new Collector()
  const stderr = new Collector()
  container.modem.demuxStream(stream, stdout, stderr)
  let timedOut = false
  try {
    await finished(stream, { writable: false, signal: abortSignal })
  } catch (error) {
    if (!deadline.aborted) throw error
    timedOut = true
    stream.destroy()
  }
  if (timedOut) stuck.add(engine)
  else stuck.delete(engine)
  const exitCode = timedOut ? null : (await created.inspect({ abortSignal })).ExitCode
  return {
    host,
    argv,
    exitCode,
    signal: null,
    stdout: stdout.text,
    stderr: stderr.text,
    durationMs: performance.now() - started,
    timedOut,
  }
}

class Collector extends Writable {
  private readonly chunks: Buffer[] = []

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8')
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk)
    done()
  }
}
