/** What must hold before traffic is worth sending: the path answers without loss, whole packets fit, the route is right. */
import { MeasurementError, describeError } from '../core/errors.ts'
import { waitFor } from '../core/wait.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'
import type { Family } from '../machine/virtual-machine.ts'
import { type MachineFacts, machineFacts } from './machine-facts.ts'

export interface Preflight {
  readonly address: string
  readonly rttMs: { readonly min: number; readonly mean: number; readonly max: number }
  /** The largest packet that passed whole: the sending interface's MTU. */
  readonly mtuBytes: number
  /** The interface that the route takes on the sender. */
  readonly route: string
  /** By machine: the traffic tool's first line about itself. */
  readonly tools: Readonly<Record<string, string>>
  /** By machine: `/proc/loadavg`. */
  readonly load: Readonly<Record<string, string>>
  /** What the sockets of one flow can hold at most: the sender's send buffer and the receiver's receive buffer. */
  readonly socketBufferBytes: number
  /** By machine: the offload settings of the data NIC that are on. */
  readonly offloads: Readonly<Record<string, readonly string[]>>
}

export interface PreflightPath {
  readonly from: TrafficEnd
  readonly to: { readonly name: string }
  /** Asks the receiver, however it is reached. */
  readonly receiverFacts: () => Promise<MachineFacts>
  readonly family: Family
  readonly address: string
  /** The sender's data NIC. */
  readonly interface: string
  readonly mtuBytes: number
}

const pings = 5
/** Guests are logged into as root, who may ping faster than five times a second. */
const pingIntervalSeconds = '0.02'
/** Of an IPv4 packet; a loopback's MTU is a byte more. */
const mostPacketBytes = 65_535
/** Bytes of the IP and ICMP headers around ping's payload. */
const headerBytes: Record<Family, number> = { ipv4: 28, ipv6: 48 }

/** @throws MeasurementError naming what does not hold, and where */
export async function preflight(path: PreflightPath, signal?: AbortSignal): Promise<Preflight> {
  await reachable(path, signal)
  const { from, address, mtuBytes } = path
  const [sender, receiver, rttMs] = await Promise.all([
    machineFacts(from, path.interface, address),
    path.receiverFacts(),
    roundTrips(path, signal),
  ])
  if (sender.route !== path.interface) {
    throw new MeasurementError(
      `${from.name}: the route to ${address} goes over ${sender.route ?? 'nothing'}, not over the data NIC ` +
        `${path.interface}; another route in the guest wins, see \`ip route get ${address}\` there`,
    )
  }
  const machines = [sender, receiver]
  const byName = <T>(pick: (machine: MachineFacts) => T): Record<string, T> =>
    Object.fromEntries(machines.map((machine) => [machine.name, pick(machine)]))
  return {
    address,
    rttMs,
    mtuBytes,
    route: sender.route,
    socketBufferBytes: sender.sendBufferBytes + receiver.receiveBufferBytes,
    tools: byName((machine) => machine.tool),
    load: byName((machine) => machine.load),
    offloads: byName((machine) => machine.offloads),
  }
}

/** Neighbour resolution and a data plane that just learnt of the VM may cost the first packets. */
async function reachable(
  { from, to, address }: PreflightPath,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await waitFor(
      async () => {
        const { exitCode, stdout, stderr } = await from.ssh.tryRun([
          'ping',
          '-n',
          '-c',
          '1',
          '-W',
          '1',
          address,
        ])
        if (exitCode === 0) return { state: 'ready', value: undefined }
        return { state: 'pending', seen: (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? 'no answer' }
      },
      { what: `${to.name} (${address}) to answer ${from.name}`, timeoutMs: 15_000, signal },
    )
  } catch (error) {
    signal?.throwIfAborted()
    throw new MeasurementError(`no way from ${from.name} to ${to.name}: ${describeError(error)}`, {
      cause: error,
    })
  }
}

/** Small packets for the time they take, and whole ones, which must pass unfragmented. */
async function roundTrips(path: PreflightPath, signal: AbortSignal | undefined): Promise<Preflight['rttMs']> {
  const mtuBytes = Math.min(path.mtuBytes, mostPacketBytes)
  const payload = String(mtuBytes - headerBytes[path.family])
  const rttMs = await roundTrip(path, [], 'ping', signal)
  const whole = `packets of ${mtuBytes} bytes, unfragmented`
  await roundTrip(path, ['-M', 'do', '-s', payload], whole, signal)
  return rttMs
}

async function roundTrip(
  { from, to, address }: PreflightPath,
  options: readonly string[],
  what: string,
  signal: AbortSignal | undefined,
): Promise<Preflight['rttMs']> {
  const often = ['-n', '-c', String(pings), '-i', pingIntervalSeconds, '-W', '2']
  const command = ['env', 'LC_ALL=C', 'ping', ...often, ...options, address]
  const { stdout, stderr } = await from.ssh.tryRun(command, { timeoutMs: 30_000, signal })
  signal?.throwIfAborted()
  const received = Number(/(\d+) received/.exec(stdout)?.[1] ?? 0)
  const times = /= (\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)/.exec(stdout)
  if (received === pings && times)
    return { min: Number(times[1]), mean: Number(times[2]), max: Number(times[3]) }
  const detail = stderr.trim() || stdout.trim().split('\n').at(-1) || 'no output'
  throw new MeasurementError(
    `${from.name} → ${to.name} (${address}): ${what}: ${received} of ${pings} answered: ${detail}`,
  )
}
