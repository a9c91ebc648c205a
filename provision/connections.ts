/** The hypervisors of a run, connected once each and closed at the end. */
import { DisposalStack } from '../src/core/disposal-stack.ts'
import { HostKeyError } from '../src/core/errors.ts'
import type { JournalHost } from '../src/core/journal.ts'
import { connectHost } from '../src/transport/ssh/connect.ts'
import {
  type LeaseOptions,
  leaseExpirySeconds,
  leaseHypervisor,
} from '../src/environment/hypervisor-lease.ts'
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

/** The lease of each hypervisor that is reached over SSH, for `what`; another owner is waited for as long as it is said. */
export function leasing(
  what: string,
  options: Omit<LeaseOptions, 'what'>,
): NonNullable<ConnectionsOptions['lease']> {
  const leased = new Set<string>()
  return (connection) => {
    const host = sshOf(connection)
    // a connection that was lost may still hold ours for a while
    const waitSeconds = leased.has(host.name) ? leaseExpirySeconds : options.waitSeconds
    leased.add(host.name)
    return leaseHypervisor(host, { ...options, what, waitSeconds })
  }
}

/** Tells every command before it runs. */
export function telling(connect: Connect, log: (line: string) => void): Connect {
  return async (address, request) => new ToldHost(await connect(address, request), log)
}

export interface ConnectionsOptions {
  readonly connect?: Connect | undefined
  /** Taken on each hypervisor as it is connected, and held until all is done. */
  readonly lease?: ((connection: Connection) => Promise<AsyncDisposable>) | undefined
  /** Host keys that the config pins today, by `address:port`: for a host that was reinstalled since. */
  readonly hostKeysNow?: ReadonlyMap<string, string>
}

export class Connections implements AsyncDisposable {
  readonly connect: Connect
  readonly #hostKeysNow: ReadonlyMap<string, string>
  readonly #open = new Map<string, Connection>()
  readonly #lease: ConnectionsOptions['lease']
  readonly #leases = new DisposalStack()

  constructor({ connect = connectBySsh, lease, hostKeysNow = new Map() }: ConnectionsOptions = {}) {
    this.connect = connect
    this.#lease = lease
    this.#hostKeysNow = hostKeysNow
  }

  /** The open connection to a hypervisor, or a new one when there is none or it was lost. */
  async to(host: JournalHost, signal?: AbortSignal): Promise<Connection> {
    const key = `${host.user}@${host.address}:${host.port} ${host.hostKey}`
    const known = this.#open.get(key)
    if (known && isUsable(known)) return known
    const connection = await this.#connect(host, signal)
    try {
      if (this.#lease) this.#leases.use(await this.#lease(connection))
    } catch (error) {
      await connection[Symbol.asyncDispose]()
      throw error
    }
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
    await this.#leases[Symbol.asyncDispose]()
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
