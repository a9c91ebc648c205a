/** Guests for the time of a replay: each is connected to once, anew when that was lost, and waited for once when it is away. */
import type { z } from 'zod'
import { DisposalStack } from '../core/disposal-stack.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import type { journalHostSchema } from '../transport/ssh/address.ts'
import { connectHost } from '../transport/ssh/connect.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'

type Guest = z.infer<typeof journalHostSchema>

/** Also of a guest that has just come back from a restart, or is at it. */
const connectMs = 15_000

export class UndoGuests implements AsyncDisposable {
  readonly #known: ReadonlyMap<string, VirtualMachine> | undefined
  readonly #asked = new Map<string, Promise<SshHost>>()
  readonly #opened = new DisposalStack()

  /** @param known connected already, by name; not given back here */
  constructor(known: ReadonlyMap<string, VirtualMachine> | undefined) {
    this.#known = known
  }

  /** @throws ConnectionError, the same one again for a guest that was away when it was first asked for */
  async host(guest: Guest, { name, ssh }: Hypervisor): Promise<SshHost> {
    const known = this.#known?.get(guest.name)?.ssh
    if (known?.connected) return known
    const key = [name, guest.name, guest.user, guest.address, guest.port, guest.hostKey].join(' ')
    const asked = await this.#asked.get(key)
    if (asked?.connected) return asked
    const asking = this.#connect(guest, ssh)
    this.#asked.set(key, asking)
    return asking
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened[Symbol.asyncDispose]()
  }

  async #connect(guest: Guest, via: SshHost): Promise<SshHost> {
    return this.#opened.use(await connectHost(guest, { via, timeoutMs: connectMs }))
  }
}
