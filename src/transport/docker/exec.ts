/** A command inside a container, by the Docker API, with its output apart and its exit code. */
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type Docker from 'dockerode'
import type { CommandResult } from '../../core/command-result.ts'

/**
 * Runs `argv` in `container` and resolves however it ends.
 * @throws the engine's error when the container does not run (`statusCode` 409) or is gone (404).
 */
export async function execInContainer(
  host: string,
  container: Docker.Container,
  argv: readonly string[],
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<CommandResult> {
  const started = performance.now()
  const deadline = AbortSignal.timeout(options.timeoutMs ?? 30_000)
  const abortSignal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline
  const exec = await container.exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true, abortSignal })
  const stream = await exec.start({ hijack: false, stdin: false, abortSignal })
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
  const exitCode = timedOut ? null : (await exec.inspect({ abortSignal })).ExitCode
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
