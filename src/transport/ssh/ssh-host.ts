/** A host behind one SSH connection: commands with a deadline, files, forwarded sockets; at most 8 channels at once. */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createReadStream, createWriteStream } from 'node:fs'
import pLimit from 'p-limit'
import type { Client, SFTPWrapper } from 'ssh2'
import { CommandError, type CommandResult } from '../../core/command-result.ts'
import { ConnectionError, describeError } from '../../core/errors.ts'
import { quoteArgv } from '../../core/shell-quote.ts'
import { type Observe, type StepBegun, asCommand, asStep } from '../../core/steps.ts'
import { type RemoteHost, type RunOptions, fileCommands } from '../host.ts'
import type { Instead } from '../instead.ts'
import type { HostAddress } from './address.ts'
import { type Conversation, type Conversing, startConversation } from './conversation.ts'
import { type ForwardInOptions, type ForwardedIn, forwardIn } from './forward-in.ts'
import { lossOf } from './loss.ts'
import { rootNeeded, socketHint, sudoRefusal } from './privileges.ts'
import { refuseTooMuch } from './remote-process.ts'
import { Sessions } from './sessions.ts'

/** sshd's default MaxSessions is 10; two are left for a kill and for SFTP. */
const maxChannels = 8

export interface SshHostOptions {
  readonly observe?: Observe | undefined
  /** What carries the connection, where it goes through another host. */
  readonly stream?: Duplex | undefined
  readonly via?: SshHost | undefined
}

export class SshHost implements RemoteHost, AsyncDisposable {
  readonly name: string
  readonly address: HostAddress
  /** Is told of every command and file. */
  readonly observe: Observe | undefined
  readonly instead: Instead | undefined = undefined
  private readonly client: Client
  private readonly stream: Duplex | undefined
  private readonly via: SshHost | undefined
  private readonly limit = pLimit(maxChannels)
  private readonly sessions: Sessions
  private sftpChannel: Promise<SFTPWrapper> | undefined
  private closing: Promise<void> | undefined
  private lost: Error | undefined

  constructor(address: HostAddress, client: Client, { observe, stream, via }: SshHostOptions = {}) {
    this.observe = observe
    this.via = via
    this.name = address.name
    this.address = address
    this.client = client
    this.stream = stream
    this.sessions = new Sessions({
      client,
      most: maxChannels,
      active: () => this.limit.activeCount,
      connected: () => this.connected,
      open: (what, start) => this.open(what, start),
    })
    client.setMaxListeners(0) // one per channel being opened
    client.on('error', (error) => (this.lost ??= lossOf(error)))
    // a forwarded stream stays half open when its far end has closed, and ssh2 then neither closes it nor asks any more
    client.on('end', () => stream?.destroy())
    client.on('close', () => {
      this.lost ??= new Error('the connection was closed')
      if (!this.closing) this.tellLoss(this.whyLost() ?? this.lost)
    })
  }

  /** Whether the connection still stands. */
  get connected(): boolean {
    return this.lost === undefined && this.closing === undefined
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const result = await this.tryRun(argv, options)
    options.signal?.throwIfAborted()
    if (result.exitCode !== 0 || result.timedOut) {
      const asUser = options.sudo === undefined && this.address.sudo !== true
      throw (asUser && rootNeeded(result, this.address)) || new CommandError(result)
    }
    return result
  }

  tryRun(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return this.limit(() =>
      asCommand(this.observe, this.step(argv, options), () => this.execute(argv, options), options.signal),
    )
  }

  async writeFile(
    path: string,
    content: string | Buffer,
    options: { readonly mode?: number } = {},
  ): Promise<void> {
    const [mode, bytes] = [options.mode ?? 0o644, Buffer.byteLength(content)]
    const as = fileCommands.writing(path, mode, bytes)
    await this.run(fileCommands.write(path, mode, bytes), { input: content, as })
  }

  async readFile(path: string): Promise<string> {
    return (await this.run(fileCommands.read(path), { as: { kind: 'file', name: `read ${path}` } })).stdout
  }

  /** Sends a local file by SFTP as the login user. @throws ConnectionError */
  async upload(localFile: string, remoteFile: string): Promise<void> {
    await this.transfer(`send ${localFile} to ${remoteFile}`, (sftp) =>
      pipeline(createReadStream(localFile), sftp.createWriteStream(`${remoteFile}.partial`)),
    )
    await this.run(['mv', '-f', '--', `${remoteFile}.partial`, remoteFile], { sudo: false })
  }

  /** Fetches a remote file by SFTP as the login user. @throws ConnectionError */
  async download(remoteFile: string, localFile: string): Promise<void> {
    await this.transfer(`fetch ${remoteFile} to ${localFile}`, (sftp) =>
      pipeline(sftp.createReadStream(remoteFile), createWriteStream(localFile)),
    )
  }

  /** A TCP connection from the host to `address`:`port`, as a stream. @throws ConnectionError */
  openTcp(address: string, port: number): Promise<Duplex> {
    return this.open(`${address}:${port}`, (done) =>
      this.client.forwardOut('127.0.0.1', 0, address, port, done),
    )
  }

  /** A connection to a Unix socket on the host, as a stream. @throws ConnectionError */
  openUnixSocket(path: string): Promise<Duplex> {
    const whose = socketHint(this.address.user)
    return this.open(path, (done) => this.client.openssh_forwardOutStreamLocal(path, done), whose)
  }

  /**
   * Starts a command, or the user's login shell, that is talked with: its streams are open until it ends.
   * @throws ConnectionError
   */
  converse(asked: Conversing): Promise<Conversation> {
    const sudo = asked.sudo ?? this.address.sudo ?? false
    return this.sessions.opened('a session', (done) =>
      startConversation(
        this.client,
        { ...asked, sudo },
        (group) => this.sessions.kill({ group }, sudo),
        done,
      ),
    )
  }

  /** A port of the host's loopback device that leads to one of this machine. @throws ConnectionError */
  forwardIn(options: ForwardInOptions): Promise<ForwardedIn> {
    if (!this.connected) throw this.connectionLost(`before port ${options.port} was asked for`)
    return forwardIn(this.client, this.name, options)
  }

  /** Closes the connection, once, after what it still carries. */
  close(): Promise<void> {
    this.closing ??= this.shut()
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async shut(): Promise<void> {
    if (this.lost) return
    const closed = once(this.client, 'close')
    this.client.end()
    // a machine that is off answers nothing, and ssh2 takes nothing down that it has said goodbye to
    const timer = setTimeout(() => (this.stream ?? this.client).destroy(), 2000)
    await Promise.race([closed, delay(3000, undefined, { ref: false })])
    clearTimeout(timer)
  }

  protected async execute(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    options.signal?.throwIfAborted()
    const sudo = options.sudo ?? this.address.sudo ?? false
    const started = performance.now()
    const over = new AbortController()
    const stop = (): void => over.abort()
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      stop()
    }, options.timeoutMs ?? 60_000)
    options.signal?.addEventListener('abort', stop, { once: true })
    const { said, exitCode, signal } = await this.sessions
      .run(argv, { ...options, sudo, signal: over.signal })
      .finally(() => {
        clearTimeout(timer)
        options.signal?.removeEventListener('abort', stop)
      })
    refuseTooMuch(said, this.name, options.as?.name ?? quoteArgv(argv))
    const { stdout, stderr } = said
    if (exitCode === null && signal === null && !timedOut && !options.signal?.aborted && this.lost) {
      throw this.connectionLost(`while it ran ${options.as?.name ?? argv.join(' ')}`)
    }
    const durationMs = performance.now() - started
    const result = { host: this.name, argv, exitCode, signal, stdout, stderr, durationMs, timedOut }
    const refusal = sudo && sudoRefusal(result, this.address)
    if (refusal) throw refusal
    return result
  }

  private tellLoss(lost: Error): void {
    const end = this.observe?.({ machine: this.name, kind: 'connection', name: 'the connection was lost' })
    end?.({ outcome: 'failed', output: describeError(lost) })
  }

  private step(argv: readonly string[], { as }: RunOptions): StepBegun {
    return { machine: this.name, ...(as ?? { kind: 'command', name: quoteArgv(argv) }) }
  }

  private transfer(name: string, work: (sftp: SFTPWrapper) => Promise<void>): Promise<void> {
    return asStep(this.observe, { machine: this.name, kind: 'file', name }, async () =>
      work(await this.sftp()),
    )
  }

  private sftp(): Promise<SFTPWrapper> {
    this.sftpChannel ??= this.sessions.opened('SFTP', (done) => this.client.sftp(done))
    return this.sftpChannel
  }

  private open<T>(
    what: string,
    start: (done: (error: Error | undefined, channel: T) => void) => unknown,
    hint = '',
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.connected) return reject(this.connectionLost(`before opening ${what}`))
      const onClose = (): void => reject(this.connectionLost(`while opening ${what}`))
      this.client.once('close', onClose)
      const done = (error: Error | undefined, channel: T): void => {
        this.client.off('close', onClose)
        if (error)
          reject(
            new ConnectionError(`${this.name}: cannot open ${what}: ${error.message}${hint}`, {
              cause: error,
            }),
          )
        else resolve(channel)
      }
      try {
        start(done)
      } catch (error) {
        done(error as Error, undefined as never) // the far end has gone, and nobody has told yet
      }
    })
  }

  private connectionLost(when: string): ConnectionError {
    const { user, address, port } = this.address
    const what = `${this.name}: the SSH connection to ${user}@${address}:${port} was lost`
    return new ConnectionError([what, when].filter(Boolean).join(' '), { cause: this.whyLost() })
  }

  /** A connection that goes through another host was lost with that one's, if that was lost too. */
  private whyLost(): Error | undefined {
    return this.via?.lost ? this.via.connectionLost('') : this.lost
  }
}
