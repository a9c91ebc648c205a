/** The hypervisors of a run, connected once each and closed at the end. */
import type { JournalHost } from '../src/core/journal.ts'
import { connectHost } from '../src/transport/ssh/connect.ts'
import { SshHost } from '../src/transport/ssh/ssh-host.ts'
import type { Connect, Connection } from './run.ts'

/** Over SSH, host keys verified. */
export const connectBySsh: Connect = (address, { via, timeoutMs, signal }) =>
  connectHost(address, {
    ...(via instanceof SshHost ? { via } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    signal,
  })

export class Connections implements AsyncDisposable {
  readonly connect: Connect
  readonly #open = new Map<string, Connection>()

  constructor(connect: Connect = connectBySsh) {
    this.connect = connect
  }

  /** The open connection to a hypervisor, or a new one when there is none or it was lost. */
  async to(host: JournalHost, signal?: AbortSignal): Promise<Connection> {
    const key = `${host.user}@${host.address}:${host.port}`
    const known = this.#open.get(key)
    if (known && !(known instanceof SshHost && !known.connected)) return known
    const connection = await this.connect(host, { signal })
    this.#open.set(key, connection)
    return connection
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((connection) => connection[Symbol.asyncDispose]()))
    this.#open.clear()
  }
}
