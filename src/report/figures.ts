/** The figures of a run that can be held against those of another: per test, mode and figure, a value per repetition. */
import { z } from 'zod'
import { type Metric, metricUnits } from '../verdict/metric.ts'
import type { RunRecord, TestRecord } from './record.ts'
import { measuredOnly, verdictOf } from './view.ts'

export const figuresSchema = z.object({
  suite: z.string(),
  test: z.string(),
  mode: z.string().optional(),
  /** `throughput`, or measurement and metric: `udp at 100 Mbit/s ipv4 vm3 → vm1: jitter`. */
  figure: z.string(),
  unit: z.enum(metricUnits),
  better: z.enum(['higher', 'lower']),
  /** What measured it, as it names itself: `iperf 3.12`. */
  tool: z.string(),
  /** Of throughput, which measurement of the test it is: `iperf3 ipv4 vm3 → vm1`. */
  measurement: z.string().optional(),
  /** In base units, one per repetition, in their order. */
  values: z.array(z.number()).min(1),
})
export type Figures = z.infer<typeof figuresSchema>

export const throughputFigure = 'throughput'

/** Of every test that has valid figures, in the order of the run. */
export function figuresOf({ tests }: Pick<RunRecord, 'tests'>): Figures[] {
  return tests.flatMap((test) => [...throughputOf(test), ...metricsOf(test)])
}

/** Says which figures of two runs are the same thing measured. */
export function figureKey({ suite, test, mode, figure }: Omit<Figures, 'values'>): string {
  return JSON.stringify([suite, test, mode ?? '', figure])
}

/** `vm2vm › IPv4 on one hypervisor (offload)`, with the figure's name where it is not throughput. */
export function figureTitle({
  suite,
  test,
  mode,
  figure,
}: Pick<Figures, 'suite' | 'test' | 'mode' | 'figure'>): string {
  const where = `${suite} › ${test}${mode === undefined ? '' : ` (${mode})`}`
  return figure === throughputFigure ? where : `${where}: ${figure}`
}

function throughputOf(test: TestRecord): Figures[] {
  const verdict = verdictOf(test)
  const statistics = verdict && 'statistics' in verdict ? verdict.statistics : measuredOnly(test)
  if (!statistics) return []
  const base = { figure: throughputFigure, unit: 'bit/s', better: 'higher' } as const
  const { measurement } = test
  const which = measurement === undefined ? {} : { measurement }
  return [{ ...placeOf(test), ...which, ...base, tool: toolOf(test), values: [...statistics.values] }]
}

function metricsOf(test: TestRecord): Figures[] {
  return test.metrics.flatMap(({ measurement, metrics }) =>
    metrics.map((metric) => ({
      ...placeOf(test),
      figure: `${measurement}: ${metric.name}`,
      unit: metric.unit,
      better: betterOf(metric),
      tool: toolOf(test),
      values: [...metric.statistics.values],
    })),
  )
}

function placeOf({ suite, name, mode }: TestRecord): Pick<Figures, 'suite' | 'test' | 'mode'> {
  return { suite, test: name, ...(mode !== undefined && { mode }) }
}

function toolOf({ repetitions }: TestRecord): string {
  return [...new Set(repetitions.map(({ tool }) => tool))].sort().join(', ') || 'unknown'
}

/** As the config expects it; without an expectation, times and parts (delay, jitter, loss) are better when they are low. */
function betterOf({ unit, verdict }: Metric): Figures['better'] {
  if (verdict) return verdict.expectation.bound === 'at_least' ? 'higher' : 'lower'
  return unit === 's' || unit === 'packets' || unit === 'fraction' ? 'lower' : 'higher'
}
