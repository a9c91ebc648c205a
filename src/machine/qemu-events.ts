/** What QEMU tells of a VM by itself (QMP events), as libvirt passes it on. */
import { MachineError, UsageError } from '../core/errors.ts'
import { waitFor } from '../core/wait.ts'
import { virshCommand } from '../transport/libvirt/virsh.ts'
import type { Conversation } from '../transport/ssh/conversation.ts'
import type { ConsoleGuest } from './console.ts'
import { whyNot } from './on-domain.ts'
import { requireDomain } from './own-domain.ts'

export interface QemuEvent {
  /** `STOP`, `SHUTDOWN`, `DEVICE_DELETED`; QEMU's manual has them. */
  readonly event: string
  /** Empty where the event says no more. */
  readonly data: Readonly<Record<string, unknown>>
}

export interface EventWaitOptions {
  /** Default 60 s. */
  readonly timeoutMs?: number
  /** Which of several of that name. */
  readonly where?: (data: QemuEvent['data']) => boolean
}

/** `event STOP at 1732193087.408263 for domain 'vm1': <null>` */
const line = /^event (\S+) at \d+\.\d+ for domain '.*?': (<null>|\{.*\})$/

/** @throws nothing: what is no event is nothing */
export function parseEvent(text: string): QemuEvent | undefined {
  const [, event, data] = line.exec(text.trim()) ?? []
  if (event === undefined || data === undefined) return undefined
  try {
    return { event, data: JSON.parse(data) as QemuEvent['data'] }
  } catch {
    return { event, data: {} } // `<null>`: the event has no data
  }
}

/** Listens until it is closed: an event that came before it was waited for is not missed. */
export class QemuEvents implements AsyncDisposable {
  /** In their order. */
  readonly events: QemuEvent[] = []
  private readonly guest: ConsoleGuest
  private readonly talk: Conversation
  private taken = 0
  private ended = false
  private stderr = ''

  private constructor(guest: ConsoleGuest, talk: Conversation) {
    this.guest = guest
    this.talk = talk
    void talk.ended.then(() => (this.ended = true))
  }

  /** Resolves when libvirt tells events; of a VM that is off it tells those of its start. @throws MachineError without a domain */
  static async of(guest: ConsoleGuest): Promise<QemuEvents> {
    await requireDomain(guest, 'it has no QEMU that tells events')
    const command = virshCommand(['qemu-monitor-event', '--domain', guest.name, '--loop'])
    // its own log says when libvirt has answered that it is registered; its output is to come line by line
    const logged = ['LIBVIRT_DEBUG=1', 'LIBVIRT_LOG_FILTERS=1:libvirt', 'LIBVIRT_LOG_OUTPUTS=1:stderr']
    const argv = ['env', ...logged, 'stdbuf', '-oL', ...command]
    const talk = await guest.hypervisor.ssh.converse({ argv })
    const events = new QemuEvents(guest, talk)
    await events.registered()
    return events
  }

  /**
   * The next event of that name; one that came after the last that was waited for counts too.
   * @throws WaitError at the deadline (60 s), with what came instead; MachineError when QEMU ended before
   */
  async waitFor(
    event: string,
    { timeoutMs = 60_000, where = () => true }: EventWaitOptions = {},
  ): Promise<QemuEvent> {
    if (!/^[A-Z][A-Z0-9_]*$/.test(event))
      throw new UsageError(`"${event}" is no QMP event: their names are as in SHUTDOWN or DEVICE_DELETED`)
    const { name, signal } = this.guest
    return waitFor<QemuEvent>(
      async () => {
        const at = this.events.findIndex(
          (each, index) => index >= this.taken && each.event === event && where(each.data),
        )
        if (at >= 0) {
          this.taken = at + 1
          return { state: 'ready', value: this.events[at]! }
        }
        const came = this.events.slice(this.taken).map((each) => each.event)
        if (this.ended)
          return { state: 'failed', reason: `virsh has ended: ${this.stderr.slice(-300).trim()}` }
        return { state: 'pending', seen: came.length === 0 ? 'no event' : came.join(', ') }
      },
      { what: `QEMU of ${name} to tell ${event}`, timeoutMs, intervalMs: 20, maxIntervalMs: 100, signal },
    )
  }

  /** Listens no longer, once. */
  close(): Promise<void> {
    return this.talk.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async registered(): Promise<void> {
    this.talk.stream.end()
    let rest = ''
    this.talk.stream.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      for (const each of lines) {
        const event = parseEvent(each)
        if (event) this.events.push(event)
      }
    })
    let log = ''
    let known = false
    this.talk.stderr.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString('utf8')).slice(-4000)
      if (known) return
      log += chunk.toString('utf8')
      known = /virConnectDomainQemuMonitorEventRegister[\s\S]*RPC_CLIENT_MSG_RX.* type=1 /.test(log)
    })
    try {
      await waitFor<true>(
        async () => {
          if (known) return { state: 'ready', value: true }
          if (this.ended) return { state: 'failed', reason: 'virsh has ended' }
          return { state: 'pending', seen: 'no word of it' }
        },
        {
          what: `libvirt on ${this.guest.hypervisor.name} to tell events`,
          timeoutMs: 30_000,
          intervalMs: 20,
          signal: this.guest.signal,
        },
      )
    } catch (error) {
      await this.close()
      const said = /^error: .*$/m.exec(log)?.[0] ?? ''
      if (this.ended && said)
        throw new MachineError(await whyNot(this.guest, 'virsh qemu-monitor-event', said))
      throw error
    }
  }
}
