/**
 * A shell that stays on a host, in one session of sshd: a session for each command costs sshd's own work, a login shell and
 * its start-up files, which on an emulated guest is a second and more.
 */
import { constants } from 'node:os'
import type { ClientChannel } from 'ssh2'
import { quoteArg, quoteArgv } from '../../core/shell-quote.ts'
import type { RunOptions } from '../host.ts'
import { ResidentShell, type ShellAnswer, shellName } from '../resident-shell.ts'
import {
  type CommandEnd,
  MarkerFilter,
  type Said,
  type StartedCommand,
  markerCommand,
  mostOutputBytes,
} from './remote-process.ts'

/** What the login shell gets: the shell that stays tells its own number, where there is what it needs. */
export const shellLine = quoteArgv([
  'exec',
  'sh',
  '-c',
  `command -v setsid >/dev/null || exit 127; ${markerCommand}; exec sh -s "$1"`,
  'sh',
  shellName,
])

/**
 * Each command has a session of processes of its own, so that a deadline ends it with all that it started and nothing else.
 * Of a program that is not there the shell tells, in the words that it would have without `setsid`.
 */
const runner = `dpbench_run() { command -v "$1" >/dev/null || exec "$@"; exec setsid "$@"; }\n`

/** Of what goes in as a part of the shell's text. */
const mostInputBytes = 256 * 1024

/** A channel on which `shellLine` was asked for. */
export interface OpenedShell {
  readonly channel: ClientChannel
  /** Resolves when the shell has ended. */
  readonly over: Promise<unknown>
}

export class HostShell {
  private readonly channel: ClientChannel
  private readonly shell: ResidentShell
  private readonly number: number
  private condemned = false

  private constructor({ channel, over }: OpenedShell, number: number) {
    this.channel = channel
    this.number = number
    this.shell = new ResidentShell(channel)
    channel.write(runner)
    channel.pipe(this.shell.stdout, { end: false })
    channel.stderr.pipe(this.shell.stderr, { end: false })
    void over.then(() => this.shell.end())
  }

  /**
   * Resolves with nothing where there can be no such shell: with a login shell of another kind, or without `setsid`.
   * @param signal ends the wait for a login shell that does not start, with nothing too
   */
  static async open(opened: OpenedShell, signal: AbortSignal): Promise<HostShell | undefined> {
    const { channel, over } = opened
    channel.resume() // a login shell's start-up files may talk: nobody asked them
    const { promise, resolve } = Promise.withResolvers<number | undefined>()
    const filter = new MarkerFilter(resolve)
    const giveUp = (): void => resolve(undefined)
    channel.stderr.on('data', (chunk: Buffer) => filter.pass(chunk))
    void over.then(giveUp)
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    const number = await promise
    signal.removeEventListener('abort', giveUp)
    channel.stderr.removeAllListeners('data').resume()
    if (number !== undefined) return new HostShell(opened, number)
    channel.destroy()
    return undefined
  }

  get usable(): boolean {
    return this.shell.usable && !this.condemned
  }

  /** Whether a command with these options can be one of its: whoever needs bytes, or words as they come, has a session. */
  static takes({ input, onLine, output, ownSession }: Omit<RunOptions, 'timeoutMs'>): boolean {
    if (onLine || output || ownSession) return false
    if (input === undefined) return true
    if (typeof input !== 'string' && !Buffer.isBuffer(input)) return false
    if (Buffer.byteLength(input) > mostInputBytes) return false
    const text = input.toString()
    return !text.includes('\0') && (typeof input === 'string' || Buffer.from(text).equals(input))
  }

  /**
   * One command at a time.
   * @param endChildren ends what a process has started, known by that one's number
   */
  start(
    argv: readonly string[],
    input: string | undefined,
    endChildren: (shell: number) => Promise<void>,
  ): StartedCommand {
    // a builtin writes it: what is given to a program's standard input is in no list of processes
    const command =
      input === undefined
        ? `(dpbench_run ${quoteArgv(argv)}) </dev/null`
        : `printf %s ${quoteArg(input)} | (dpbench_run ${quoteArgv(argv)})`
    const said = new Heard(this.shell)
    const ended = this.shell.run(command).then((answer): CommandEnd => {
      said.over(answer)
      if (!this.usable) this.channel.destroy()
      return answer.state === 'ended' ? endOf(answer.status) : { exitCode: null, signal: null }
    })
    const stop = (): void => {
      if (this.condemned) return
      this.condemned = true // its next child is to be nobody else's command
      endChildren(this.number)
        .catch(() => undefined) // a lost connection: `close` has come or will come by itself
        .finally(() => setTimeout(() => this.channel.destroy(), 1000).unref())
    }
    return { ended, said, stop }
  }

  /** It ends when its input does. */
  close(): void {
    this.condemned = true
    this.channel.end()
  }
}

/** What a command of the shell says. */
class Heard implements Said {
  stdout = ''
  stderr = ''
  tooMuch = false
  readonly overflowed: Promise<void>
  private tellTooMuch: () => void = () => undefined
  private readonly shell: ResidentShell

  constructor(shell: ResidentShell) {
    this.shell = shell
    this.overflowed = new Promise((resolve) => (this.tellTooMuch = resolve))
    for (const stream of [shell.stdout, shell.stderr]) stream.on('more', this.count)
  }

  over(answer: ShellAnswer): void {
    const { stdout, stderr } = this.shell
    for (const stream of [stdout, stderr]) stream.off('more', this.count)
    if (answer.state === 'not begun') return
    this.stdout = answer.stdout
    this.stderr = answer.stderr
  }

  private readonly count = (): void => {
    const { stdout, stderr } = this.shell
    if (stdout.bytes + stderr.bytes <= mostOutputBytes) return
    this.tooMuch = true
    this.tellTooMuch()
    stdout.forget()
    stderr.forget()
  }
}

/** A status of 128 and a signal's number is that signal's, as shells have it. */
function endOf(status: number): CommandEnd {
  const [signal] = Object.entries(constants.signals).find(([, number]) => status === 128 + number) ?? []
  return signal === undefined ? { exitCode: status, signal: null } : { exitCode: null, signal }
}
