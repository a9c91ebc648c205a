/** One guest on a hypervisor, from `virsh create` to its end: who owns it, what its console and its monitor say. */
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { DisposalStack } from '../../core/disposal-stack.ts'
import { GuestRunError, describeError } from '../../core/errors.ts'
import { quoteArgv, shell } from '../../core/shell-quote.ts'
import { waitFor } from '../../core/wait.ts'
import { virshCommand } from '../../transport/libvirt/virsh.ts'
import type { SshHost } from '../../transport/ssh/ssh-host.ts'
import type { GuestEnd, RunningGuest } from '../launcher.ts'
import { type MonitorEvent, guestEnd } from './monitor-events.ts'
import { TextQueue } from './text-queue.ts'

const attachMs = 30_000

/** A command that ends when the guest does: no deadline is its own. The longest that a timer takes. */
const noDeadlineMs = 0x7fffffff

/** virsh that says what it has done. */
const system = virshCommand([]).filter((word) => word !== '--quiet')

export class LibvirtGuest implements RunningGuest {
  readonly console: AsyncIterable<string>
  readonly ended: Promise<GuestEnd>
  readonly #name: string
  readonly #host: SshHost
  readonly #document: string
  readonly #made: DisposalStack
  readonly #text = new TextQueue()
  readonly #typed = new PassThrough()
  /** The owner of the domain ends when this does. */
  readonly #life = new PassThrough()
  readonly #events: MonitorEvent[] = []
  #tellEnd: (end: GuestEnd) => void = () => undefined
  #owner: Promise<string> = Promise.resolve('')
  #complaint = ''
  #stopped = false
  #attached = false
  #owned = false
  #over = false

  constructor(name: string, host: SshHost, document: string, made: DisposalStack) {
    this.#name = name
    this.#host = host
    this.#document = document
    this.#made = made
    this.console = this.#text
    this.ended = new Promise((resolve) => (this.#tellEnd = resolve))
  }

  /** Makes the domain, paused; attaches to its console and its events; lets it go. */
  async begin(signal: AbortSignal): Promise<void> {
    this.#owner = this.#own()
    await this.#until(() => this.#owned, 'libvirt to make the guest', signal)
    void this.#readConsole()
    await this.#until(() => this.#attached, "the guest's console", signal)
    await this.#host.run(virshCommand(['resume', '--domain', this.#name]), { signal })
    signal.addEventListener('abort', () => void this.stop(0).catch(() => undefined), { once: true })
  }

  async send(text: string): Promise<void> {
    if (this.#over) throw new GuestRunError('the guest has ended: nothing can be typed into its console')
    if (!this.#typed.write(text)) await once(this.#typed, 'drain')
  }

  async stop(graceMs: number): Promise<void> {
    if (this.#over) return
    this.#stopped = true
    if (graceMs > 0) {
      const graceful = virshCommand(['destroy', '--domain', this.#name, '--graceful'])
      await this.#host.tryRun(graceful, { timeoutMs: graceMs + 10_000 })
    }
    this.#life.end() // its owner ends, and libvirt ends the guest with it
    await this.#owner
    await this.#host.tryRun(virshCommand(['destroy', '--domain', this.#name])) // for a libvirt that is slow to notice
    this.#finish()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#made[Symbol.asyncDispose]()
  }

  /** One virsh that makes the domain and then tells its events, until its standard input ends. Resolves with its complaints. */
  async #own(): Promise<string> {
    const commands =
      `create --file ${quoteArgv([this.#document])} --paused --autodestroy; ` +
      `qemu-monitor-event --domain ${quoteArgv([this.#name])} --loop`
    const virsh = ['stdbuf', '-oL', ...system, commands]
    const script =
      '"$@" </dev/null & owner=$!; { cat >/dev/null; kill "$owner"; } <&3 2>/dev/null & wait "$owner"; kill "$!" 2>/dev/null'
    try {
      const result = await this.#host.tryRun(shell(`exec 3<&0; ${script}`, ...virsh), {
        input: this.#life,
        timeoutMs: noDeadlineMs,
        onLine: (line) => this.#hear(line),
        as: { kind: 'command', name: `virsh create ${this.#name} and its events` },
      })
      this.#complaint ||= result.stderr.trim()
    } catch (error) {
      this.#complaint ||= describeError(error)
    }
    this.#life.end()
    return this.#complaint
  }

  #hear(line: string): void {
    if (/^Domain '.*' created/.test(line)) this.#owned = true
    const [, event, data] = /^event (\w+) at .*? for domain .*?: (.*)$/.exec(line) ?? []
    if (event === undefined) return
    this.#events.push({ event, data: parsed(data) })
  }

  async #readConsole(): Promise<void> {
    // virsh wants a terminal; what it says itself is not the guest's
    const virsh = quoteArgv([...system, 'console', '--domain', this.#name])
    const read = (line: string): void => {
      if (this.#attached) this.#text.push(Buffer.from(`${line}\n`))
      else this.#attached = line.startsWith('Escape character')
    }
    const options = { input: this.#typed, timeoutMs: noDeadlineMs, onLine: read } as const
    const script = ['script', '--quiet', '--return', '--command', virsh, '/dev/null']
    const said = await this.#host.tryRun(script, options).then(
      ({ stdout, stderr }) => `${stdout}${stderr}`,
      (error: unknown) => describeError(error),
    )
    if (!this.#attached) this.#complaint = said.trim()
    // the console ends with the guest; what its monitor said may come a moment later
    const told = async (): Promise<boolean> => this.#events.some(({ event }) => event === 'SHUTDOWN')
    await waitFor(async () => ((await told()) ? { state: 'ready', value: true } : { state: 'pending' }), {
      what: 'the end of the guest',
      timeoutMs: 2000,
    }).catch(() => undefined)
    this.#life.end()
    await this.#owner
    this.#finish()
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#typed.end()
    this.#text.end()
    const process = { code: 0, signal: null, said: this.#complaint }
    this.#tellEnd(guestEnd(this.#events, process, this.#stopped))
  }

  async #until(done: () => boolean, what: string, signal: AbortSignal): Promise<void> {
    let failed: string | undefined
    void this.#owner.then((complaint) => (failed = complaint || 'virsh ended'))
    await waitFor(
      async () => {
        if (done()) return { state: 'ready', value: true }
        return failed === undefined ? { state: 'pending' } : { state: 'failed', reason: failed }
      },
      { what: `${what} on ${this.#host.name}`, timeoutMs: attachMs, maxIntervalMs: 200, signal },
    )
  }
}

function parsed(data: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(data ?? '{}') as Readonly<Record<string, unknown>>
  } catch {
    return {} // another form of virsh's: the event's name is known all the same
  }
}
