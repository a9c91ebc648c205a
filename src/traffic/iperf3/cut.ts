/** Cuts the intervals of one end of a flow to a window. An interval that the window's edge divides counts pro rata. */
import type { Iperf3Interval } from './parse.ts'

export interface Cut {
  /** Rounded to whole bytes. */
  readonly bytes: number
  readonly bitsPerSecond: number
  readonly coveredSeconds: number
  /** Intervals in which nothing moved: start and end in seconds from the flow's start. */
  readonly emptyIntervals: readonly (readonly [number, number])[]
}

/** iperf3 ends a run with a sliver of an interval; one shorter than this may be empty by chance. */
const shortestJudgedSeconds = 0.1

/** What moved between `fromSeconds` and `toSeconds`, both counted from the flow's start. */
export function cut(intervals: readonly Iperf3Interval[], fromSeconds: number, toSeconds: number): Cut {
  let bytes = 0
  let coveredSeconds = 0
  const emptyIntervals: (readonly [number, number])[] = []
  for (const interval of intervals) {
    const inside = secondsInside(interval, fromSeconds, toSeconds)
    if (inside <= 0) continue
    bytes += interval.bytes * (inside / (interval.endSeconds - interval.startSeconds))
    coveredSeconds += inside
    if (interval.bytes === 0 && inside >= shortestJudgedSeconds) {
      emptyIntervals.push([interval.startSeconds, interval.endSeconds])
    }
  }
  const bitsPerSecond = (bytes * 8) / (toSeconds - fromSeconds)
  return { bytes: Math.round(bytes), bitsPerSecond, coveredSeconds, emptyIntervals }
}

/** Retransmits pro rata; `undefined` where this end does not count them. */
export function retransmitsWithin(
  intervals: readonly Iperf3Interval[],
  fromSeconds: number,
  toSeconds: number,
): number | undefined {
  if (!intervals.some(({ retransmits }) => retransmits !== undefined)) return undefined
  const sum = intervals.reduce((total, interval) => {
    const inside = secondsInside(interval, fromSeconds, toSeconds)
    const share = inside > 0 ? inside / (interval.endSeconds - interval.startSeconds) : 0
    return total + (interval.retransmits ?? 0) * share
  }, 0)
  return Math.round(sum)
}

/** UDP's datagrams on the receiving end. */
export interface DatagramCut {
  /** What should have arrived, by the datagrams' numbers. */
  readonly expected: number
  readonly lost: number
  /** Mean over the intervals, by the time that each is inside. */
  readonly jitterMs: number
}

/** Pro rata; `undefined` where this end does not count them. */
export function datagramsWithin(
  intervals: readonly Iperf3Interval[],
  fromSeconds: number,
  toSeconds: number,
): DatagramCut | undefined {
  let [expected, lost, jitter, seconds] = [0, 0, 0, 0]
  for (const interval of intervals) {
    const inside = secondsInside(interval, fromSeconds, toSeconds)
    const { datagrams } = interval
    if (inside <= 0 || datagrams?.lost === undefined) continue
    const share = inside / (interval.endSeconds - interval.startSeconds)
    expected += datagrams.count * share
    lost += datagrams.lost * share
    jitter += (datagrams.jitterMs ?? 0) * inside
    seconds += inside
  }
  if (seconds === 0) return undefined
  return { expected: Math.round(expected), lost: Math.round(lost), jitterMs: jitter / seconds }
}

function secondsInside({ startSeconds, endSeconds }: Iperf3Interval, from: number, to: number): number {
  return Math.min(endSeconds, to) - Math.max(startSeconds, from)
}
