/**
 * One user at a time on a hypervisor, whoever they are and from wherever they come. A lease is a process on the hypervisor that
 * holds a lock for as long as its standard input stays open and a line comes on it now and then: it ends with the
 * connection, with its owner, and when the owner has not been heard of for a while, so a dead owner's lease needs no
 * taking over. Nothing is written but one small file below /run, which the kernel forgets with the hypervisor.
 */
import { hostname, userInfo } from 'node:os'
import { PassThrough } from 'node:stream'
import { z } from 'zod'
import type { DisposalStack } from '../core/disposal-stack.ts'
import type { CommandResult } from '../core/command-result.ts'
import { DpbenchError, describeError } from '../core/errors.ts'
import type { RemoteHost } from '../transport/host.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { breakCommand, leaseCommand, leasedLine, showCommand } from './hypervisor-lease-script.ts'

/** An owner that says nothing for so long has lost its lease. */
export const leaseExpirySeconds = 90
/** Beside the connection's own keepalive of 10 s. */
const heartbeatMs = 20_000
/** For a command on a busy hypervisor, beyond the time that is waited for the lease. */
const answerMs = 30_000
/** Longer than any run. */
const mostMs = 7 * 24 * 3_600_000

const holderSchema = z.object({
  /** What holds it: `run 20261121-120847-87d6`, `provision 3fa8`. */
  what: z.string(),
  /** `user@host, process 4711` */
  owner: z.string(),
  since: z.iso.datetime(),
})
export type HypervisorLeaseHolder = z.infer<typeof holderSchema>

export interface HypervisorLease extends AsyncDisposable {
  readonly hypervisor: string
  /** @throws DpbenchError once it was lost: broken by somebody, expired, or gone with the connection */
  check(): void
}

export interface LeaseOptions {
  readonly what: string
  /** How long to wait for another owner to be done, in seconds. Default 0. */
  readonly waitSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly log?: ((line: string) => void) | undefined
}

interface RunLeaseOptions extends Omit<LeaseOptions, 'what' | 'waitSeconds'> {
  readonly runId: string
  readonly waitForLease?: number | undefined
}

type LeasedHost = Pick<RemoteHost, 'name' | 'tryRun'>

/**
 * Leases them one after the other, in an order that all controllers share: so two runs never wait for each other. Resolves
 * with what throws once one of them was lost.
 * @throws DpbenchError naming who holds one; ConnectionError
 */
export async function leaseHypervisors(
  hosts: readonly SshHost[],
  { runId, waitForLease, ...options }: RunLeaseOptions,
  stack: DisposalStack,
): Promise<() => void> {
  const leases: HypervisorLease[] = []
  for (const host of hosts.toSorted((a, b) => (whereOf(a) < whereOf(b) ? -1 : 1)))
    leases.push(
      stack.use(await leaseHypervisor(host, { ...options, what: `run ${runId}`, waitSeconds: waitForLease })),
    )
  return () => {
    for (const lease of leases) lease.check()
  }
}

function whereOf({ address: { address, port } }: SshHost): string {
  return `${address}:${port}`
}

/** @throws DpbenchError naming who holds it; ConnectionError */
export async function leaseHypervisor(host: LeasedHost, options: LeaseOptions): Promise<HypervisorLease> {
  const { what, waitSeconds = 0, signal } = options
  signal?.throwIfAborted()
  const holder: HypervisorLeaseHolder = {
    what,
    owner: `${userInfo().username}@${hostname()}, process ${process.pid}`,
    since: new Date().toISOString(),
  }
  const input = new PassThrough()
  const leased = Promise.withResolvers<void>()
  let lost: string | undefined
  // an abort ends the waiting, never a lease that is held: what the run made is still to be put back under it
  const waiting = new AbortController()
  const giveUp = (): void => waiting.abort(signal?.reason)
  signal?.addEventListener('abort', giveUp, { once: true })
  const running = host.tryRun(leaseCommand(JSON.stringify(holder), leaseExpirySeconds, waitSeconds), {
    as: { kind: 'command', name: 'hold the lease of this hypervisor' },
    input,
    signal: waiting.signal,
    timeoutMs: mostMs,
    onLine: (line) => {
      if (line === leasedLine) leased.resolve()
      else if (line.startsWith('held ') && waitSeconds > 0)
        options.log?.(`${heldBy(host.name, line)}; waiting for up to ${waitSeconds} s`)
    },
  })
  const ended = (async () => {
    lost = await running.then((result) => whyEnded(host.name, result, waitSeconds), describeError)
  })()
  await Promise.race([leased.promise, ended])
  signal?.removeEventListener('abort', giveUp)
  if (lost !== undefined || signal?.aborted) {
    input.end()
    await ended
    signal?.throwIfAborted()
    throw new DpbenchError(lost ?? `${host.name}: its lease was not given`)
  }
  const heartbeat = setInterval(() => input.write('\n'), heartbeatMs)
  heartbeat.unref()
  let released: Promise<void> | undefined
  return {
    hypervisor: host.name,
    check() {
      if (lost !== undefined && !released) throw new DpbenchError(`${host.name}: the lease was lost: ${lost}`)
    },
    [Symbol.asyncDispose]: () =>
      (released ??= (async () => {
        clearInterval(heartbeat)
        input.end()
        await ended
      })()),
  }
}

function whyEnded(name: string, { stdout, stderr, exitCode }: CommandResult, waited: number): string {
  const others = /^held .*$/m.exec(stdout)?.[0]
  if (exitCode === 75 && others !== undefined) return heldBy(name, others) + waitHint(waited)
  return (
    stderr.trim() || `its lease ended with exit status ${exitCode}: somebody broke it, or ended its process`
  )
}

/** Who holds it now. @throws ConnectionError, CommandError */
export async function readHypervisorLease(
  host: Pick<RemoteHost, 'run'>,
): Promise<HypervisorLeaseHolder | undefined> {
  const { stdout } = await host.run(showCommand(), { timeoutMs: answerMs })
  return parseHolder(stdout)
}

/** Ends whatever holds it; resolves with who that was. @throws ConnectionError, CommandError when it does not let go */
export async function breakHypervisorLease(
  host: Pick<RemoteHost, 'run'>,
): Promise<HypervisorLeaseHolder | undefined> {
  const { stdout } = await host.run(breakCommand(), { timeoutMs: answerMs })
  return parseHolder(stdout)
}

/** `run … of me@here, process 4711, since …` */
export function describeHolder({ what, owner, since }: HypervisorLeaseHolder): string {
  return `${what} of ${owner}, since ${since}`
}

function heldBy(name: string, line: string): string {
  const holder = parseHolder(line)
  return `${name}: ${holder ? describeHolder(holder) : 'somebody'} holds this hypervisor`
}

function waitHint(waited: number): string {
  return `${waited > 0 ? ` (waited ${waited} s)` : ''}: wait with --wait-for-lease SECONDS, or end it with dpbench lease --break`
}

function parseHolder(line: string): HypervisorLeaseHolder | undefined {
  if (!line.startsWith('held ')) return undefined
  try {
    return holderSchema.parse(JSON.parse(line.slice('held '.length)))
  } catch {
    // between taking the lock and writing the file
    return { what: 'somebody', owner: 'unknown', since: new Date().toISOString() }
  }
}
