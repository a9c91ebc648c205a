/** What the line between VMs can carry at most, or why nobody knows. */
import type { DeployedDataplane, Line } from '../dataplane/dataplane.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { type LineFormat, ceilingOf } from '../verdict/ceiling.ts'
import type { Ceiling } from '../verdict/sample.ts'

/** The line that all flows cross; `undefined` where some of them cross none, or more than one. */
export async function lineOf(
  dataplane: Pick<DeployedDataplane, 'lineBetween'>,
  from: VirtualMachine,
  receivers: readonly VirtualMachine[],
): Promise<Line | undefined> {
  const places = new Set(receivers.map(({ hypervisor }) => hypervisor))
  const [first] = receivers
  return first && places.size === 1 ? dataplane.lineBetween(from, first) : undefined
}

/**
 * The slower of both ends bounds it. `undefined` where no line is crossed.
 * @param inner of the guests' packets, before the data plane wraps them
 */
export function ceilingOn(
  line: Line | undefined,
  inner: Pick<LineFormat, 'mtu' | 'family'>,
): Ceiling | undefined {
  if (!line) return undefined
  const unknown = line.speeds.flatMap((speed) => (speed.state === 'unknown' ? [speed.reason] : []))
  // the same words whichever way the flows go, so that reports say them once
  if (unknown.length > 0) return { state: 'unknown', reason: [...new Set(unknown)].sort().join('; ') }
  const known = line.speeds.filter((speed) => speed.state === 'known')
  const slower = known.reduce((a, b) => (b.bitsPerSecond < a.bitsPerSecond ? b : a))
  const ceiling = ceilingOf(slower.bitsPerSecond, { ...inner, tunnelBytes: line.tunnelBytes })
  return ceiling.state === 'known' ? { ...ceiling, basis: `${ceiling.basis}, ${slower.detail}` } : ceiling
}
