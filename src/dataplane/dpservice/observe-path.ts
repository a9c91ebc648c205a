/** How many packets of a path dpservice handled in software: read where the path begins and where it ends. */
import { DeployError, describeError } from '../../core/errors.ts'
import type { VirtualMachine } from '../../machine/virtual-machine.ts'
import type { PathObservation, SoftwarePackets } from '../dataplane.ts'
import { type DpdkCounters, type GraphObjects, givenTo, takenFrom } from './telemetry.ts'

/** A VM's place in the data plane. */
export interface PathEnd {
  readonly vm: VirtualMachine
  readonly device: string
  readonly counters: DpdkCounters
}

/** Two readings are two readings of the counters' sockets: nothing is sent over the path. */
export async function observePath(from: PathEnd, to: PathEnd): Promise<PathObservation> {
  const read = async (): Promise<Reading> => {
    // both ends on one hypervisor are told by one reading of it
    const readings = new Map<DpdkCounters, Promise<GraphObjects>>()
    const objectsOf = ({ counters }: PathEnd): Promise<GraphObjects> => {
      if (!readings.has(counters)) readings.set(counters, counters.objects())
      return readings.get(counters)!
    }
    try {
      const [taken, given] = await Promise.all([
        guarded(from, objectsOf, takenFrom),
        guarded(to, objectsOf, givenTo),
      ])
      return { state: 'read', taken, given }
    } catch (error) {
      return { state: 'unknown', reason: describeError(error) }
    }
  }
  const before = await read()
  return {
    async end() {
      if (before.state === 'unknown') return before
      const after = await read()
      return after.state === 'unknown' ? after : difference(before, after, from, to)
    },
  }
}

interface Counts {
  readonly state: 'read'
  readonly taken: number
  readonly given: number
}
type Reading = Counts | { readonly state: 'unknown'; readonly reason: string }

/** Any failure is a reason to know nothing, and is told as that. */
async function guarded(
  end: PathEnd,
  objectsOf: (end: PathEnd) => Promise<GraphObjects>,
  packets: (objects: GraphObjects, port: number) => number,
): Promise<number> {
  const { vm, device, counters } = end
  try {
    const [port, objects] = await Promise.all([counters.port(device), objectsOf(end)])
    return packets(objects, port)
  } catch (error) {
    throw new DeployError(`dpservice on ${vm.hypervisor.name}: ${describeError(error)}`, { cause: error })
  }
}

function difference(before: Counts, after: Counts, from: PathEnd, to: PathEnd): SoftwarePackets {
  const [taken, given] = [after.taken - before.taken, after.given - before.given]
  if (taken < 0 || given < 0)
    return { state: 'unknown', reason: 'dpservice counts less than before: it began anew' }
  return {
    state: 'counted',
    counts: [
      { place: `taken from ${from.vm.name} on ${from.vm.hypervisor.name}`, packets: taken },
      { place: `given to ${to.vm.name} on ${to.vm.hypervisor.name}`, packets: given },
    ],
  }
}
