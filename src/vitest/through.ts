/**
 * A path through something that keeps state per connection (MEASUREMENT.md, "Stateful paths"): the state is new for each
 * repetition, looked at before the traffic, and seen in what the receiver tells of its connections.
 */
import { canonicalAddress } from '../config/index.ts'
import { MeasurementError } from '../core/errors.ts'
import type { PortRange } from '../dataplane/network-functions.ts'
import type { AlignedFlows, FlowInput } from '../traffic/iperf3/window.ts'
import type { ThresholdKey, ThroughputRequest } from './throughput.ts'

export interface Through {
  /** `the NAT 10.10.20.20 of vm3` */
  readonly name: string
  /** What the throughput is held against unless the request says otherwise. */
  readonly threshold: ThresholdKey
  /** How many connections it holds at once; absent where nothing bounds them. */
  readonly capacity?: number
  /** Where clients connect to instead of the receiver's own address. */
  readonly address?: string
  /** The TCP ports that it passes on; absent where it passes all. */
  readonly ports?: readonly number[]
  /** As what the receiver sees the sender, where that is not the sender's own address. */
  readonly source?: { readonly address: string; readonly ports: PortRange }
  /** @throws DeployError when the data plane has lost it */
  check(): Promise<void>
  /** Forgets all connections. @throws DeployError */
  reset(): Promise<void>
}

/** iperf3 opens a control and a data connection per flow. */
export const connectionsPerFlow = 2

/** Why `flows` of iperf3 do not fit through; `undefined` when they do. */
export function misfit(
  { name, capacity, ports }: Pick<Through, 'name' | 'capacity' | 'ports'>,
  flows: number,
): string | undefined {
  const connections = flows * connectionsPerFlow
  if (capacity !== undefined && capacity < connections) {
    return (
      `${name} holds ${counted(capacity, 'connection')}, and ${counted(flows, 'flow')} of iperf3 ` +
      `${flows === 1 ? 'needs' : 'need'} ${connections}, a control and a data connection each: widen its "ports"`
    )
  }
  if (ports === undefined) return undefined
  const missing = portsOfFlows(ports, flows).filter((port) => !ports.includes(port))
  return missing.length === 0
    ? undefined
    : `${name} passes TCP ports ${ports.join(', ') || 'none'}, and ${counted(flows, 'flow')} of iperf3 ` +
        `${flows === 1 ? 'needs' : 'need'} ${missing.join(', ')} too: add ${missing.map((port) => `TCP/${port}`).join(',')}`
}

/** iperf3's servers take a port each, one after the other. */
function portsOfFlows([first = 5201]: readonly number[], flows: number): number[] {
  return Array.from({ length: flows }, (_, index) => first + index)
}

/** @throws MeasurementError when the flows do not fit */
export function requireFit(through: Through | undefined, flows: number): void {
  const reason = through && misfit(through, flows)
  if (reason !== undefined) throw new MeasurementError(reason)
}

/** The request with what follows from its `through`. */
export function throughDefaults<T extends ThroughputRequest>(request: T): T {
  const { through } = request
  return {
    ...(through && { expected: through.threshold }),
    ...(through?.address !== undefined && { address: through.address }),
    ...request,
  }
}

/** New state, and there. */
export async function openState(through: Through | undefined): Promise<void> {
  await through?.reset()
  await through?.check()
}

/** What is wrong with how the receiver saw a flow: it did not come through. Empty when all is well, or nothing is known. */
export function bypassFaults(through: Through | undefined, { server }: FlowInput): string[] {
  if (!through || server.output.state === 'faulty') return []
  return server.output.run.connections.flatMap(({ local, remote }) => {
    const faults: string[] = []
    const { source, address } = through
    if (source && !(same(remote.host, source.address) && within(remote.port, source.ports))) {
      const expected = `${source.address} and a port of ${source.ports.join(' to ')}`
      faults.push(
        `it did not come through ${through.name}: ${server.machine} saw it come from ${remote.host} port ${remote.port}, not from ${expected}`,
      )
    }
    if (address !== undefined && !same(local.host, address)) {
      faults.push(
        `it did not come through ${through.name}: ${server.machine} took it at ${local.host}, not at ${address}`,
      )
    }
    return faults
  })
}

/** The flows with what else is wrong with each of them. */
export function withFaults(aligned: AlignedFlows, more: readonly (readonly string[])[]): AlignedFlows {
  const flows = aligned.flows.map((flow, index) => ({
    ...flow,
    faults: [...flow.faults, ...(more[index] ?? [])],
  }))
  return { ...aligned, flows }
}

function same(found: string, wanted: string): boolean {
  return canonicalAddress(found) === canonicalAddress(wanted)
}

function within(port: number, [min, max]: PortRange): boolean {
  return port >= min && port <= max
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
