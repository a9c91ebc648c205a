/** What must hold before traffic is worth sending: the path answers without loss, whole packets fit, the route is right. */
import { z } from 'zod'
import { MeasurementError, describeError } from '../core/errors.ts'
import { waitFor } from '../core/wait.ts'
import type { Family, VirtualMachine } from '../machine/virtual-machine.ts'

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
  readonly from: VirtualMachine
  readonly to: VirtualMachine
  readonly family: Family
  readonly address: string
  /** The sender's and the receiver's data NIC, with the sender's MTU. */
  readonly interfaces: { readonly from: string; readonly to: string }
  readonly mtuBytes: number
}

const pings = 5
/** Bytes of the IP and ICMP headers around ping's payload. */
const headerBytes: Record<Family, number> = { ipv4: 28, ipv6: 48 }

/** @throws MeasurementError naming what does not hold, and where */
export async function preflight(path: PreflightPath, signal?: AbortSignal): Promise<Preflight> {
  await reachable(path, signal)
  const [rttMs, route, sendBuffer, receiveBuffer, ...machines] = await Promise.all([
    roundTrip(path, [], 'ping'),
    routeDevice(path),
    largestBuffer(path.from, 'tcp_wmem'),
    largestBuffer(path.to, 'tcp_rmem'),
    describeMachine(path.from, path.interfaces.from),
    describeMachine(path.to, path.interfaces.to),
  ])
  if (route !== path.interfaces.from) {
    throw new MeasurementError(
      `${path.from.name}: the route to ${path.address} goes over ${route}, not over the data NIC ` +
        `${path.interfaces.from}; another route in the guest wins, see \`ip route get ${path.address}\` there`,
    )
  }
  const payload = String(path.mtuBytes - headerBytes[path.family])
  await roundTrip(path, ['-M', 'do', '-s', payload], `packets of ${path.mtuBytes} bytes, unfragmented`)
  const byName = <T>(pick: (machine: MachineFacts) => T): Record<string, T> =>
    Object.fromEntries(machines.map((machine) => [machine.name, pick(machine)]))
  return {
    address: path.address,
    rttMs,
    mtuBytes: path.mtuBytes,
    route,
    socketBufferBytes: sendBuffer + receiveBuffer,
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

async function roundTrip(path: PreflightPath, options: string[], what: string): Promise<Preflight['rttMs']> {
  const { from, to, address } = path
  const command = [
    'env',
    'LC_ALL=C',
    'ping',
    '-n',
    '-c',
    String(pings),
    '-i',
    '0.2',
    '-W',
    '2',
    ...options,
    address,
  ]
  const { stdout, stderr } = await from.ssh.tryRun(command, { timeoutMs: 30_000 })
  const received = Number(/(\d+) received/.exec(stdout)?.[1] ?? 0)
  const times = /= ([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(stdout)
  if (received === pings && times)
    return { min: Number(times[1]), mean: Number(times[2]), max: Number(times[3]) }
  const detail = stderr.trim() || stdout.trim().split('\n').at(-1) || 'no output'
  throw new MeasurementError(
    `${from.name} → ${to.name} (${address}): ${what}: ${received} of ${pings} answered: ${detail}`,
  )
}

async function routeDevice({ from, address }: PreflightPath): Promise<string> {
  const { stdout } = await from.ssh.run(['ip', '-json', 'route', 'get', address])
  const [route] = z.array(z.looseObject({ dev: z.string() })).parse(JSON.parse(stdout))
  if (!route) throw new MeasurementError(`${from.name}: no route to ${address}`)
  return route.dev
}

/** Bytes; the last of the three numbers is what the kernel lets a socket's buffer grow to (tcp(7)). */
async function largestBuffer({ ssh }: VirtualMachine, name: 'tcp_wmem' | 'tcp_rmem'): Promise<number> {
  const text = await ssh.readFile(`/proc/sys/net/ipv4/${name}`)
  return Number(text.trim().split(/\s+/).at(-1))
}

interface MachineFacts {
  readonly name: string
  readonly tool: string
  readonly load: string
  readonly offloads: readonly string[]
}

async function describeMachine(vm: VirtualMachine, networkInterface: string): Promise<MachineFacts> {
  const [tool, load, offloads] = await Promise.all([
    vm.ssh.tryRun(['iperf3', '--version']),
    vm.ssh.readFile('/proc/loadavg'),
    vm.ssh.tryRun(['ethtool', '-k', networkInterface]),
  ])
  if (tool.exitCode !== 0) {
    throw new MeasurementError(
      `${vm.name}: iperf3 does not run there (${tool.stderr.trim()}); install it in the guest`,
    )
  }
  const on = offloads.stdout.matchAll(/^\s*([a-z0-9-]+): on/gm)
  return {
    name: vm.name,
    tool: tool.stdout.split('\n')[0] ?? '',
    load: load.trim(),
    offloads: [...on].map((match) => match[1]!),
  }
}
