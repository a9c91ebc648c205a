/** The sessions of one connection: commands with one of their own, and shells that stay and run one command after the other. */
import { setTimeout as delay } from 'node:timers/promises'
import pRetry from 'p-retry'
import type { Client, ClientChannel } from 'ssh2'
import { HostShell, type OpenedShell, shellLine } from './host-shell.ts'
import { isConnectFailed } from './loss.ts'
import { ending } from './conversation.ts'
import {
  type CommandEnd,
  Output,
  type OutputOptions,
  type RunningCommand,
  type Said,
  type StartedCommand,
  type WhatToEnd,
  asRoot,
  commandLine,
  feed,
  killCommand,
} from './remote-process.ts'
import type { RunOptions } from '../host.ts'

/** How long a command that has to end may take to tell its process group. */
const startMs = 10_000

export interface SessionsOptions {
  readonly client: Client
  /** How many the connection may have at once: those that run something, and shells that wait. */
  readonly most: number
  /** How many commands run or are being started. */
  readonly active: () => number
  readonly connected: () => boolean
  /** Opens a channel. @throws ConnectionError with ssh2's error as its cause */
  readonly open: <T>(what: string, start: Open<T>) => Promise<T>
}

/** As the one who runs a command has decided; `signal` is its deadline too. */
export interface SessionOptions extends Omit<RunOptions, 'timeoutMs'> {
  readonly sudo: boolean
  readonly signal: AbortSignal
}

const nothingSaid: Said = {
  stdout: '',
  stderr: '',
  overflowed: Promise.withResolvers<void>().promise,
  tooMuch: false,
}

type Open<T> = (done: (error: Error | undefined, channel: T) => void) => unknown

export class Sessions {
  private readonly options: SessionsOptions
  private idle: HostShell[] = []
  /** Of a host whose login shell starts none, or that has no `setsid`. */
  private noShells = false

  constructor(options: SessionsOptions) {
    this.options = options
  }

  /** Runs a command, in a shell where that can be; `signal` ends it with all that it started. @throws ConnectionError */
  async run(argv: readonly string[], options: SessionOptions): Promise<CommandEnd & { readonly said: Said }> {
    const shared = HostShell.takes(options)
    const shell = shared ? await this.shell(options.signal) : undefined
    // who waits no more for a shell gets nothing run; a session has to begin to be known by its process group
    if (shared && options.signal.aborted) {
      if (shell) this.idle.push(shell)
      return { exitCode: null, signal: null, said: nothingSaid }
    }
    const { said, ended, stop } = shell
      ? this.startIn(shell, argv, options)
      : await this.startAlone(argv, options)
    if (options.signal.aborted) stop()
    options.signal.addEventListener('abort', stop, { once: true })
    said.overflowed.then(stop, () => undefined)
    const end = await ended
    if (shell?.usable) this.idle.push(shell)
    return { ...end, said }
  }

  async kill(what: WhatToEnd, sudo: boolean): Promise<void> {
    const { channel, ended } = await this.exec(killCommand(what, sudo))
    channel.end()
    await ended
  }

  /** Opens a session of one's own. A host may allow fewer than is usual: shells that wait give theirs up. */
  opened<T>(what: string, start: Open<T>): Promise<T> {
    return this.untilAllowed(
      () => this.options.open(what, start),
      () => this.idle.pop()?.close(),
    )
  }

  /** One that waits, or a new one, or none: where there can be none, and when `signal` ends the wait for it. */
  private shell(signal: AbortSignal): Promise<HostShell | undefined> {
    return this.untilAllowed(async () => {
      for (let shell = this.idle.pop(); shell; shell = this.idle.pop()) if (shell.usable) return shell
      if (this.noShells || signal.aborted) return undefined
      const opened = await this.options.open<OpenedShell>('a session', (done) =>
        openShell(this.options.client, done),
      )
      const shell = await HostShell.open(opened, signal)
      this.noShells = !shell && !signal.aborted && this.options.connected()
      return shell
    })
  }

  /** A session that has ended counts with sshd until its process is reaped: an open refused for that is tried again. */
  private untilAllowed<T>(open: () => Promise<T>, refused?: () => void): Promise<T> {
    return pRetry(open, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 20,
      maxTimeout: 200,
      maxRetryTime: 10_000,
      shouldRetry: ({ error }) => {
        const again = this.options.connected() && isConnectFailed(error.cause)
        if (again) refused?.()
        return again
      },
    })
  }

  private startIn(
    shell: HostShell,
    argv: readonly string[],
    { sudo, input }: SessionOptions,
  ): StartedCommand {
    return shell.start(asRoot(argv, sudo), input?.toString(), (childrenOf) => this.kill({ childrenOf }, sudo))
  }

  private async startAlone(argv: readonly string[], options: SessionOptions): Promise<StartedCommand> {
    const { sudo } = options
    while (this.idle.length > 0 && this.options.active() + this.idle.length > this.options.most)
      this.idle.pop()!.close()
    const { channel, output, ended } = await this.exec(commandLine(argv, sudo), options)
    feed(channel, options.input)
    const stop = (): void => {
      // it may have to end before it has told its process group, and closing the channel would kill nothing
      Promise.race([output.started, ended.then(() => undefined), delay(startMs, undefined, { ref: false })])
        .then((group) => (group === undefined ? undefined : this.kill({ group }, sudo)))
        .catch(() => undefined) // a lost connection: `close` has come or will come by itself
        .finally(() => setTimeout(() => channel.destroy(), 1000).unref())
    }
    return { ended: ended.finally(() => options.output?.end()), said: output, stop }
  }

  /**
   * Listeners are there before the callback returns: a command that ends at once has its exit status in the same packet
   * as the channel's opening, and ssh2 tells of it only once.
   */
  private exec(line: string, to: OutputOptions = {}): Promise<RunningCommand> {
    return this.opened('a session', (done) =>
      this.options.client.exec(line, (error: Error | undefined, channel: ClientChannel) => {
        if (error) done(error, undefined as never)
        else done(undefined, { channel, output: new Output(channel, to), ended: ending(channel) })
      }),
    )
  }
}

/** What a shell that was killed has started may hold its outputs: its exit status tells before the channel is closed. */
function openShell(client: Client, done: (error: Error | undefined, opened: OpenedShell) => void): void {
  client.exec(shellLine, (error, channel) => {
    if (error) return done(error, undefined as never)
    done(undefined, { channel, over: ended(channel) })
  })
}

function ended(channel: ClientChannel): Promise<unknown> {
  const exited = new Promise((resolve) => channel.once('exit', resolve))
  return Promise.race([ending(channel), exited])
}
