/** What the software path handles of flows that may go to one of several receivers: where they begin, and all ends together. */
import type {
  DeployedDataplane,
  PathObservation,
  SoftwareCount,
  SoftwarePackets,
} from '../dataplane/dataplane.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'

export async function observePaths(
  dataplane: DeployedDataplane,
  from: VirtualMachine,
  receivers: readonly VirtualMachine[],
): Promise<PathObservation> {
  const observations = await Promise.all(receivers.map((to) => dataplane.observePath(from, to)))
  return { end: async () => combined(await Promise.all(observations.map((each) => each.end()))) }
}

/** Each path is counted where it begins, the same for all, and where it ends. */
export function combined(paths: readonly SoftwarePackets[]): SoftwarePackets {
  const [first, ...others] = paths
  if (!first || others.length === 0) return first ?? { state: 'unknown', reason: 'there is no receiver' }
  const counted = paths.flatMap((path) => (path.state === 'counted' ? [path.counts] : []))
  if (counted.length < paths.length) return paths.find((path) => path.state === 'unknown') ?? first
  const beginnings = new Map(
    counted.flatMap(([beginning]) => (beginning ? [[beginning.place, beginning]] : [])),
  )
  const ends = counted.flatMap(([, ...rest]) => rest)
  const end: SoftwareCount = {
    place: ends.map(({ place }) => place).join(' and '),
    packets: ends.reduce((sum, { packets }) => sum + packets, 0),
  }
  return { state: 'counted', counts: [...beginnings.values(), end] }
}
