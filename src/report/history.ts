/** The history of figures over many runs: per test, mode and figure its stretches between change points. */
import { median } from 'simple-statistics'
import { changePoints } from '../verdict/change-points.ts'
import type { MetricUnit } from '../verdict/metric.ts'
import { figureKey, figuresOf, figureTitle, type Figures } from './figures.ts'
import { type Traits, differencesOf, traitsOfRun } from './likeness.ts'
import type { RunRecord } from './record.ts'

/** What of a run its history needs. */
export interface RunEntry {
  readonly runId: string
  readonly startedAt: string
  readonly dpbenchVersion: string
  readonly traits: Traits
  /** `registry/dpservice:1 sha256:…`, each once. */
  readonly images: readonly string[]
  readonly figures: readonly Figures[]
}

/** One run of a figure. */
export interface HistoryPoint {
  readonly runId: string
  readonly startedAt: string
  readonly n: number
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Runs between which nothing changed. */
export interface Stretch {
  /** Index of its first run. */
  readonly from: number
  readonly runs: number
  /** Of the runs' medians. */
  readonly median: number
  /** Against the stretch before; absent for the first. */
  readonly change?: StretchChange
}

export interface StretchChange {
  /** Of a permutation test. */
  readonly p: number
  /** median / median before − 1 */
  readonly effect: number
  readonly kind: 'worse' | 'better' | 'small'
  /** How the runs on both sides of it differ: image, machines, config, tools. */
  readonly differences: readonly string[]
}

export interface FigureHistory {
  readonly title: string
  readonly unit: MetricUnit
  readonly points: readonly HistoryPoint[]
  readonly stretches: readonly Stretch[]
}

/** Less than this is told and is neither worse nor better: the least regression (MEASUREMENT.md). */
const noticeable = 0.05

export function entryOf(record: RunRecord): RunEntry {
  const { runId, startedAt, dpbenchVersion, dataPlanes } = record
  const images = dataPlanes.map(({ image, digest }) => [image, digest].filter(Boolean).join(' '))
  return {
    runId,
    startedAt,
    dpbenchVersion,
    traits: traitsOfRun(record),
    images: [...new Set(images)].sort(),
    figures: figuresOf(record),
  }
}

/** By figure, in the order in which the figures appeared first; runs by the time at which they began, each once. */
export function historyOf(entries: readonly RunEntry[]): FigureHistory[] {
  const runs = [...new Map(entries.map((entry) => [entry.runId, entry])).values()].sort((a, b) =>
    a.startedAt < b.startedAt ? -1 : 1,
  )
  const all = runs.flatMap((run) => run.figures.map((figures) => ({ run, figures })))
  const groups = Map.groupBy(all, ({ figures }) => figureKey(figures))
  return [...groups.values()].map((group) => {
    const { figures } = group[0]!
    const points = group.map(({ run, figures: { values } }) => pointOf(run, values))
    return {
      title: figureTitle(figures),
      unit: figures.unit,
      points,
      stretches: stretchesOf(
        points,
        figures.better,
        group.map(({ run }) => run),
      ),
    }
  })
}

function pointOf({ runId, startedAt }: RunEntry, values: readonly number[]): HistoryPoint {
  return {
    runId,
    startedAt,
    n: values.length,
    median: median([...values]),
    min: Math.min(...values),
    max: Math.max(...values),
  }
}

function stretchesOf(
  points: readonly HistoryPoint[],
  better: Figures['better'],
  runs: readonly RunEntry[],
): Stretch[] {
  const medians = points.map((point) => point.median)
  const changes = changePoints(medians)
  const starts = [0, ...changes.map(({ index }) => index)]
  const levels = starts.map((from, place) => median(medians.slice(from, starts[place + 1])))
  return starts.map((from, place): Stretch => {
    const [level, before] = [levels[place]!, levels[place - 1]]
    const stretch = { from, runs: (starts[place + 1] ?? points.length) - from, median: level }
    if (before === undefined) return stretch
    const effect = before === 0 ? 0 : level / before - 1
    const gain = better === 'higher' ? effect : -effect
    const kind = Math.abs(effect) < noticeable ? 'small' : gain > 0 ? 'better' : 'worse'
    const differences = differencesBetween(runs[from - 1]!, runs[from]!)
    return { ...stretch, change: { p: changes[place - 1]!.p, effect, kind, differences } }
  })
}

function differencesBetween(before: RunEntry, after: RunEntry): string[] {
  const told = (what: string, a: string, b: string): string[] => (a === b ? [] : [`${what}: ${a} → ${b}`])
  return [
    ...told('image', before.images.join(', ') || 'none', after.images.join(', ') || 'none'),
    ...told('dpbench', before.dpbenchVersion, after.dpbenchVersion),
    ...differencesOf(before.traits, after.traits),
  ]
}
