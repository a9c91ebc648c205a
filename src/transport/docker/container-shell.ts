/**
 * A shell that stays in a container and runs one command after the other: an exec of Docker's own costs three calls and a
 * start of its runtime, some 0.2 s each time.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type Docker from 'dockerode'
import { quoteArgv } from '../../core/shell-quote.ts'
import { Collector } from './collector.ts'

export type ShellAnswer =
  | { readonly state: 'ended'; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  /** The shell, and all else in its container, ended under it. `exec` knows how. */
  | { readonly state: 'lost'; readonly stdout: string; readonly stderr: string }
  /** The shell was gone, or never there, as in a container that has none: nothing was done. */
  | { readonly state: 'not begun' }

export class ContainerShell {
  readonly exec: Docker.Exec
  private readonly stream: Duplex
  /** In a line of its own in what the shell says: no command's output can have it by chance. */
  private readonly mark = randomUUID()
  private readonly stdout = new Collector()
  private readonly stderr = new Collector()
  private over = false

  private constructor(container: Docker.Container, exec: Docker.Exec, stream: Duplex) {
    this.exec = exec
    this.stream = stream
    const ended = (): void => {
      this.over = true
      this.stdout.emit('more')
      this.stderr.emit('more')
    }
    stream.once('end', ended).once('close', ended).on('error', ended)
    container.modem.demuxStream(stream, this.stdout, this.stderr)
  }

  /** @throws the engine's error when the container does not run (`statusCode` 409) or is gone (404). */
  static async open(container: Docker.Container, abortSignal: AbortSignal): Promise<ContainerShell> {
    const command = { Cmd: ['sh'], AttachStdin: true, AttachStdout: true, AttachStderr: true, abortSignal }
    const exec = await container.exec(command)
    // what is given to the call ends the stream too, for as long as that lasts
    const late = new AbortController()
    const abort = (): void => late.abort(abortSignal.reason)
    abortSignal.addEventListener('abort', abort)
    try {
      const stream = await exec.start({ hijack: true, stdin: true, abortSignal: late.signal })
      abortSignal.throwIfAborted()
      return new ContainerShell(container, exec, stream)
    } finally {
      abortSignal.removeEventListener('abort', abort)
    }
  }

  get usable(): boolean {
    return !this.over
  }

  /** One command at a time. `signal` ends the shell, which is lost then. */
  async run(argv: readonly string[], signal: AbortSignal): Promise<ShellAnswer> {
    const { mark, stdout, stderr } = this
    stdout.clear()
    stderr.clear()
    const say = (what: string): string => `printf '\\036%s %s\\n' ${mark} ${what}`
    // a command is no builtin of the shell, and does not read what the shell is to read
    this.stream.write(
      `${say('begin')}; (exec ${quoteArgv(argv)}) </dev/null; ${say('"$?"')}; ${say('end')} >&2\n`,
    )
    const aborted = once(signal, 'abort')
    const begin = `\u001E${mark} begin\n`
    const ends = new RegExp(`\u001E${mark} (\\d+|end)\\n$`)
    const [out, err] = await Promise.all(
      [stdout, stderr].map((from) => this.end(from, ends, signal, aborted)),
    )
    const begun = stdout.text.startsWith(begin)
    const text = {
      stdout: stdout.text.replace(begin, '').replace(ends, ''),
      stderr: stderr.text.replace(ends, ''),
    }
    if (out && err) return { state: 'ended', exitCode: Number(out[1]), ...text }
    this.close()
    return begun || signal.aborted ? { state: 'lost', ...text } : { state: 'not begun' }
  }

  close(): void {
    this.over = true
    this.stream.destroy()
  }

  /** What `from` ends this command with; nothing when the shell ended before. */
  private async end(
    from: Collector,
    ends: RegExp,
    signal: AbortSignal,
    aborted: Promise<unknown>,
  ): Promise<RegExpExecArray | undefined> {
    for (;;) {
      const found = ends.exec(from.tail)
      if (found) return found
      if (this.over || signal.aborted) return undefined
      await Promise.race([once(from, 'more'), aborted])
    }
  }
}
