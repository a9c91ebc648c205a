/** What the runs of a series have measured: throughput by test and mode, one figure per run. */
import type { RunRecord, TestRecord } from '../report/record.ts'
import { measuredOnly, verdictOf } from '../report/view.ts'
import type { SampleStatistics } from '../verdict/verdict.ts'

/** One test of one run. */
export interface RunFigure {
  readonly suite: string
  readonly test: string
  readonly mode: string
  /** The threshold's key. */
  readonly scenario: string
  /** Of the repetitions in that run. */
  readonly statistics: SampleStatistics
}

/** The same test and mode in several runs, in their order. */
export interface Scenario extends Omit<RunFigure, 'statistics'> {
  /** Per run. */
  readonly runs: readonly SampleStatistics[]
  /** The mean of each run, bit/s. */
  readonly means: readonly number[]
}

/** Of every test of a run that has a valid figure of throughput. */
export function figuresOf({ tests }: RunRecord): RunFigure[] {
  return tests.flatMap((test) => {
    const statistics = statisticsOf(test)
    const { suite, name, mode, scenario } = test
    if (!statistics || mode === undefined || scenario === undefined) return []
    return [{ suite, test: name, mode, scenario, statistics }]
  })
}

/** By test and mode, in the order of the first run. */
export function scenariosOf(records: readonly RunRecord[]): Scenario[] {
  const groups = Map.groupBy(records.flatMap(figuresOf), ({ suite, test, mode, scenario }) =>
    JSON.stringify([suite, test, mode, scenario]),
  )
  return [...groups.values()].map((figures) => {
    const { suite, test, mode, scenario } = figures[0]!
    const runs = figures.map(({ statistics }) => statistics)
    return { suite, test, mode, scenario, runs, means: runs.map(({ mean }) => mean) }
  })
}

function statisticsOf(test: TestRecord): SampleStatistics | undefined {
  const verdict = verdictOf(test)
  if (test.result.state === 'error') return undefined
  return verdict && 'statistics' in verdict ? verdict.statistics : measuredOnly(test)
}
