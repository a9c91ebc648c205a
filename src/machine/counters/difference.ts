/** What was counted between two readings of one machine. Pure. */
import { MeasurementError } from '../../core/errors.ts'
import type { CoreTimes, Cores, InterfaceCounts, Reading, SeriesPoint } from './reading.ts'

/** Fits a `MachineCounters` of src/verdict; the caller adds whose it is. */
export interface CountedUse {
  /** By the machine's clock. */
  readonly seconds: number
  readonly cores: readonly CountedCore[]
  readonly softirqs: Readonly<Record<string, number>>
  readonly interfaces: readonly CountedInterface[]
  readonly tcp: { readonly segmentsSent: number; readonly segmentsRetransmitted: number }
}

/** Shares of the time, 0 to 1. */
export interface CountedCore {
  readonly core: number
  readonly busy: number
  readonly user: number
  readonly system: number
  readonly softirq: number
  readonly irq: number
  readonly steal: number
}

export interface CountedInterface extends InterfaceCounts {
  readonly name: string
  readonly driverDrops?: Readonly<Record<string, number>>
}

/** Stretches shorter than this have too few of /proc/stat's ticks (10 ms) for a share. */
const shortestPointSeconds = 0.5

/** @throws MeasurementError when the machine counts less than before: it was started anew */
export function countedBetween(before: Reading, after: Reading): CountedUse {
  const seconds = rounded(after.uptimeSeconds - before.uptimeSeconds)
  if (!(seconds > 0))
    throw new MeasurementError('its clock went back between the readings: it was started anew')
  return {
    seconds,
    cores: coreUse(before.cores, after.cores),
    softirqs: movedOf(before.softirqs, after.softirqs),
    interfaces: interfaceUse(before, after),
    tcp: {
      segmentsSent: after.tcp.segmentsSent - before.tcp.segmentsSent,
      segmentsRetransmitted: after.tcp.segmentsRetransmitted - before.tcp.segmentsRetransmitted,
    },
  }
}

/** Cores that came or went meanwhile are left out, and so are those whose clock stood. */
export function coreUse(before: Cores, after: Cores): CountedCore[] {
  return [...after].flatMap(([core, times]) => {
    const earlier = before.get(core)
    const spent = earlier && minus(times, earlier)
    const total = spent ? Object.values(spent).reduce((sum, ticks) => sum + ticks, 0) : 0
    if (!spent || total <= 0) return []
    const share = (ticks: number): number => rounded(ticks / total)
    const { user, system, softirq, irq, steal, idle } = spent
    return [
      {
        core,
        busy: share(total - idle),
        user: share(user),
        system: share(system),
        softirq: share(softirq),
        irq: share(irq),
        steal: share(steal),
      },
    ]
  })
}

/**
 * The busy share of each core over time: per point, seconds since the first reading, then the cores in the order of their
 * numbers. What is between the last point and the second reading is a point too, if it is long enough.
 */
export function seriesBetween(first: Reading, series: readonly SeriesPoint[], second: Reading): number[][] {
  const ends: readonly SeriesPoint[] = [...series, second]
  return ends.flatMap((end, index) => {
    const begin = ends[index - 1] ?? first
    if (end.uptimeSeconds - begin.uptimeSeconds < shortestPointSeconds) return []
    const shares = coreUse(begin.cores, end.cores).map(({ busy }) => busy)
    return [[end.uptimeSeconds - first.uptimeSeconds, ...shares].map(hundredths)]
  })
}

/** Idle time of a core can be a tick less than before (proc_stat(5)): that is none. */
function minus(after: CoreTimes, before: CoreTimes): CoreTimes {
  const less = (key: keyof CoreTimes): number => Math.max(0, after[key] - before[key])
  return {
    user: less('user'),
    system: less('system'),
    idle: less('idle'),
    irq: less('irq'),
    softirq: less('softirq'),
    steal: less('steal'),
  }
}

/** All but the loopback interface, where anything moved or was lost. One that was made anew meanwhile is left out. */
function interfaceUse(before: Reading, after: Reading): CountedInterface[] {
  return [...after.interfaces].flatMap(([name, counts]) => {
    const earlier = before.interfaces.get(name)
    if (name === 'lo' || !earlier) return []
    const keys = Object.keys(counts) as (keyof InterfaceCounts)[]
    const moved = Object.fromEntries(keys.map((key) => [key, counts[key] - earlier[key]])) as unknown as {
      [Key in keyof InterfaceCounts]: number
    }
    const drops = movedOf(before.drivers.get(name) ?? new Map(), after.drivers.get(name) ?? new Map())
    const differences = [...Object.values(moved), ...Object.values(drops)]
    if (differences.some((difference) => difference < 0) || differences.every((each) => each === 0)) return []
    return [{ name, ...moved, ...(Object.keys(drops).length > 0 && { driverDrops: drops }) }]
  })
}

/** What is counted in both readings, and differs. */
function movedOf(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Record<string, number> {
  const moved = [...after].flatMap(([name, count]) => {
    const earlier = before.get(name)
    return earlier === undefined || earlier === count ? [] : [[name, count - earlier] as const]
  })
  return Object.fromEntries(moved)
}

/** Over seconds, ticks of 10 ms know no more; longer numbers would only make the record longer. */
function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4
}

/** All that the ticks of one second and the clock know. */
function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}
