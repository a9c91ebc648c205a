/** The sessions of one connection: commands with one of their own, and shells that stay and run one command after the other. */
import { setTimeout as delay } from 'node:timers/promises'
import pRetry from 'p-retry'
import type { Client, ClientChannel } from 'ssh2'
import { HostShell, type OpenedShell, shellLine } from './host-shell.ts'
import { isConnectFailed } from './loss.ts'
import { ending } from './conversation.ts'
import {
  Output,
  type OutputOptions,
  type RunningCommand,
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

type Open<T> = (done: (error: Error | undefined, channel: T) => void) => unknown

export class Sessions {
  private readonly options: SessionsOptions
  private idle: HostShell[] = []
  /** Of a host whose login shell starts none, or that has no `setsid`. */
  private noShells = false

  constructor(options: SessionsOptions) {
    this.options = options
  }

  /** Starts a command, in a shell where that can be. @throws ConnectionError */
  async start(argv: readonly string[], sudo: boolean, options: RunOptions): Promise<StartedCommand> {
    const shell = HostShell.takes(options) ? await this.shell() : undefined
    if (!shell) return this.startAlone(argv, sudo, options)
    const started = shell.start(asRoot(argv, sudo), options.input?.toString(), (childrenOf) =>
      this.kill({ childrenOf }, sudo),
    )
    void started.ended.then(() => shell.usable && this.idle.push(shell))
    return started
  }

  async kill(what: WhatToEnd, sudo: boolean): Promise<void> {
    const { channel, ended } = await this.exec(killCommand(what, sudo))
    channel.end()
    await ended
  }

  /**
   * A session that has ended counts with sshd until its process is reaped: an open refused for that is tried again. A host may
   * allow fewer than is usual: shells that wait give theirs up.
   */
  opened<T>(what: string, start: Open<T>): Promise<T> {
    return pRetry(() => this.options.open(what, start), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 20,
      maxTimeout: 200,
      maxRetryTime: 10_000,
      shouldRetry: ({ error }) => {
        const again = this.options.connected() && isConnectFailed(error.cause)
        if (again) this.idle.pop()?.close()
        return again
      },
    })
  }

  /** One that waits, or a new one. */
  private async shell(): Promise<HostShell | undefined> {
    for (let shell = this.idle.pop(); shell; shell = this.idle.pop()) if (shell.usable) return shell
    if (this.noShells) return undefined
    const shell = await HostShell.open(
      await this.opened('a session', (done) => openShell(this.options.client, done)),
    )
    this.noShells = !shell && this.options.connected()
    return shell
  }

  private async startAlone(
    argv: readonly string[],
    sudo: boolean,
    options: RunOptions,
  ): Promise<StartedCommand> {
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
