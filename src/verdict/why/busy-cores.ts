/** Which cores were at their limit while flows ran. Pure. */
import type { CoreUse, MachineCounters } from '../counters.ts'
import type { MeasuredFlows, Sample } from '../sample.ts'

/** A core that is busy for this share of its time has no more to give: what is left lies within the kernel's accounting. */
export const coreLimit = 0.95

export interface CoreAtWork {
  readonly use: CoreUse
  /** In its busiest stretch as long as the kept window. */
  readonly peak: number
}

/**
 * The cores of a machine in one repetition. Its counters span more than the window: servers start, flows warm up, results are
 * exchanged. So the series' busiest stretch of the window's length counts, which no difference between clocks can shift.
 */
export function coresAtWork(machine: MachineCounters, windowSeconds: number): CoreAtWork[] {
  return machine.cores.map((use, index) => ({
    use,
    peak: Math.max(use.busy, busiestStretch(machine, index, windowSeconds)),
  }))
}

/** Of the sample, by name: what was counted there. */
export function guestCounters({ counters = [] }: Sample, name: string): MachineCounters | undefined {
  return counters.find(({ role, machine }) => role === 'guest' && machine === name)
}

/** What a machine is to the flows: `receiver`, `hypervisor of the sender`. */
export function endsOf({ role, ends = [] }: MachineCounters): string {
  if (ends.length === 0) return role
  return role === 'guest' ? ends.join(' and ') : `hypervisor of the ${ends.join(' and the ')}`
}

/** Bytes that arrived over the whole run, the warm-up and the warm-down with it, as counters see it. */
export function bytesOfRun({ flows }: MeasuredFlows): number {
  const intervals = flows.flatMap(({ receiver }) => receiver?.intervals ?? [])
  return intervals.reduce((sum, [, , bytes]) => sum + bytes, 0)
}

/** The mean of one core over the consecutive points that together last as long as the window, where it is highest. */
function busiestStretch({ cpuSeries }: MachineCounters, core: number, windowSeconds: number): number {
  const points = (cpuSeries?.points ?? []).map(([end = 0, ...busy], index, all) => {
    const seconds = end - (all[index - 1]?.[0] ?? 0)
    return { seconds, busy: busy[core] ?? 0 }
  })
  let highest = 0
  for (let begin = 0; begin < points.length; begin++) {
    let [seconds, busySeconds] = [0, 0]
    for (const point of points.slice(begin)) {
      seconds += point.seconds
      busySeconds += point.seconds * point.busy
      if (seconds < windowSeconds) continue
      highest = Math.max(highest, busySeconds / seconds)
      break
    }
  }
  return highest
}
