/** Where flows and kept windows lie on an axis of time that all repetitions of a test share. */
import type { FlowSample, RawInterval, Sample } from '../../verdict/sample.ts'

type Point = readonly [seconds: number, gigabits: number | null]

export interface Placed {
  readonly sample: Sample
  /** Of the start of its flows, in seconds from the start of the first repetition. */
  readonly offset: number
}

/** The repetitions on one axis, by the controller's clock. */
export function placed(repetitions: readonly Sample[], warmUpSeconds: number): Placed[] {
  const first = Date.parse(repetitions[0]?.startedAt ?? '')
  return repetitions.map((sample) => ({
    sample,
    offset: (flowsStartMs(sample, warmUpSeconds) - first) / 1000,
  }))
}

/** A repetition begins before its flows do: those began a warm-up before the window. Where there is none it can't be told. */
function flowsStartMs(sample: Sample, warmUpSeconds: number): number {
  return sample.state === 'measured'
    ? sample.window.startMs - warmUpSeconds * 1000
    : Date.parse(sample.startedAt)
}

/** A point in the middle of each interval, of a single one at both of its ends; a gap before the next repetition. */
export function lineOf({ sample, offset }: Placed, name: string): Point[] {
  const intervals = intervalsOf(sample.flows.find((flow) => flow.name === name)).filter(isWhole)
  const last = intervals.at(-1)
  if (!last) return []
  const points = intervals.flatMap(([start, end, bytes]): Point[] => {
    const gigabits = rounded((bytes * 8) / Math.max(end - start, 1e-3) / 1e9)
    const seconds = intervals.length === 1 ? [start, end] : [(start + end) / 2]
    return seconds.map((each) => [rounded(offset + each), gigabits])
  })
  return [...points, [rounded(offset + last[1]), null]]
}

/** A tool's last interval may be the rest of some milliseconds, which is no rate: run.json has its bytes. */
function isWhole([start, end]: RawInterval, index: number, all: readonly RawInterval[]): boolean {
  const longest = Math.max(...all.map(([from, to]) => to - from))
  return index < all.length - 1 || end - start > longest / 2
}

function intervalsOf(flow: FlowSample | undefined): readonly RawInterval[] {
  return flow?.receiver?.intervals ?? flow?.sender?.intervals ?? []
}

export function windowOf(
  { sample, offset }: Placed,
  warmUpSeconds: number,
): { start: number; end: number; repetition: string }[] {
  if (sample.state !== 'measured') return []
  const start = offset + warmUpSeconds
  return [
    {
      start: rounded(start),
      end: rounded(start + sample.window.seconds),
      repetition: String(sample.repetition),
    },
  ]
}

/** What can be seen in a picture of this size; more digits only make the page larger. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
