/** The figures beside throughput as every report shows them: a row per figure, its modes next to each other. */
import { formatBound, formatFigure } from '../verdict/figure-format.ts'
import { formatPercent } from '../verdict/format.ts'
import type { Metric } from '../verdict/metric.ts'
import { plainText } from './plain-text.ts'
import type { RunRecord, TestRecord } from './record.ts'

export interface MetricRow {
  readonly suite: string
  readonly test: string
  readonly measurement: string
  readonly metric: string
  readonly mode: string
  /** `0.12 ± 0.03 %` */
  readonly figure: string
  /** `≤ 0.5 %` */
  readonly expected: string
  readonly state: string
  readonly n: string
  readonly cov: string
}

const nothing = '—'

/** In the order of the run, each figure's modes together. */
export function metricRowsOf({ tests }: RunRecord): MetricRow[] {
  const rows = tests.flatMap((test) =>
    test.metrics.flatMap(({ measurement, metrics }) =>
      metrics.map((metric) => rowOf(test, measurement, metric)),
    ),
  )
  const groups = Map.groupBy(rows, ({ suite, test, measurement, metric }) =>
    JSON.stringify([suite, test, measurement, metric]),
  )
  return [...groups.values()].flat()
}

function rowOf({ suite, name, mode }: TestRecord, measurement: string, metric: Metric): MetricRow {
  const { mean, interval, n, coefficientOfVariation: cov } = metric.statistics
  const { verdict } = metric
  const sign = verdict?.expectation.bound === 'at_least' ? '≥' : '≤'
  return {
    suite,
    test: plainText(name),
    measurement: plainText(measurement),
    metric: plainText(metric.name),
    mode: mode ?? nothing,
    figure: formatFigure(mean, interval?.halfWidth ?? null, metric.unit),
    expected: verdict ? `${sign} ${formatBound(verdict.expectation.value, metric.unit)}` : nothing,
    state: verdict?.state ?? nothing,
    n: String(n),
    cov: cov === null ? nothing : formatPercent(cov),
  }
}
