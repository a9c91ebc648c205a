/** A shell that stays in a container: an exec of Docker's own costs three calls and a start of its runtime, some 0.2 s each time. */
import type { Duplex } from 'node:stream'
import type Docker from 'dockerode'
import { quoteArgv } from '../../core/shell-quote.ts'
import { ResidentShell, type ShellAnswer } from '../resident-shell.ts'

export class ContainerShell {
  readonly exec: Docker.Exec
  private readonly stream: Duplex
  private readonly shell: ResidentShell

  private constructor(container: Docker.Container, exec: Docker.Exec, stream: Duplex) {
    this.exec = exec
    this.stream = stream
    const shell = new ResidentShell(stream)
    this.shell = shell
    const ended = (): void => shell.end()
    stream.once('end', ended).once('close', ended).on('error', ended)
    container.modem.demuxStream(stream, shell.stdout, shell.stderr)
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
    return this.shell.usable
  }

  /** One command at a time. `signal` ends the shell, which is lost then; `exec` knows how it ended. */
  async run(argv: readonly string[], signal: AbortSignal): Promise<ShellAnswer> {
    // a command is no builtin of the shell
    const answer = await this.shell.run(`(exec ${quoteArgv(argv)}) </dev/null`, signal)
    if (answer.state !== 'ended') this.stream.destroy()
    return answer
  }
}
