/** The hypervisors of a run, connected once each and closed at the end. */
import { HostKeyError } from '../src/core/errors.ts'
import type { JournalHost } from '../src/core/journal.ts'
import { connectHost } from '../src/transport/ssh/connect.ts'
import { SshHost } from '../src/transport/ssh/ssh-host.ts'
import type { Connect, Connection } from './run.ts'
import { ToldHost } from './told-host.ts'

/** Over SSH, host keys verified. */
export const connectBySsh: Connect = (address, { via, timeoutMs, signal }) =>
  connectHost(address, {
    ...(via ? { via: sshOf(via) } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    signal,
  })

/** Tells every command before it runs. */
export function telling(connect: Connect, log: (line: string) => void): Connect {
  return async (address, request) => new ToldHost(await connect(address, request), log)
}

export interface ConnectionsOptions {
  readonly connect?: Connect | undefined
  /** Host keys that the config pins today, by `address:port`: for a host that was reinstalled since. */
  readonly hostKeysNow?: ReadonlyMap<string, string>
}

export class Connections implements AsyncDisposable {
  readonly connect: Connect
  readonly #hostKeysNow: ReadonlyMap<string, string>
  readonly #open = new Map<string, Connection>()

  constructor({ connect = connectBySsh, hostKeysNow = new Map() }: ConnectionsOptions = {}) {
    this.connect = connect
    this.#hostKeysNow = hostKeysNow
  }

  /** The open connection to a hypervisor, or a new one when there is none or it was lost. */
  async to(host: JournalHost, signal?: AbortSignal): Promise<Connection> {
    const key = `${host.user}@${host.address}:${host.port} ${host.hostKey}`
    const known = this.#open.get(key)
    if (known && isUsable(known)) return known
    const connection = await this.#connect(host, signal)
    this.#open.set(key, connection)
    return connection
  }

  async #connect(host: JournalHost, signal: AbortSignal | undefined): Promise<Connection> {
    try {
      return await this.connect(host, { signal })
    } catch (error) {
      const now = this.#hostKeysNow.get(`${host.address}:${host.port}`)
      if (!(error instanceof HostKeyError) || now === undefined || now === host.hostKey) throw error
      return this.connect({ ...host, hostKey: now }, { signal })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((connection) => connection[Symbol.asyncDispose]()))
    this.#open.clear()
  }
}

function sshOf(host: unknown): SshHost {
  const inner = host instanceof ToldHost ? host.inner : host
  if (inner instanceof SshHost) return inner
  throw new TypeError('a VM is reached through an SSH connection')
}

function isUsable(connection: Connection): boolean {
  const inner = connection instanceof ToldHost ? connection.inner : connection
  return !(inner instanceof SshHost) || inner.connected
}
