/**
 * Figures beside throughput: loss, jitter, round trips, packets per second. One value per repetition, in base units; with an
 * expectation they are judged by the interval of their mean, one-sided in its direction, as throughput is.
 */
import { formatBound, formatFigure } from './figure-format.ts'
import { formatPercent, formatSignedPercent } from './format.ts'
import { decidingTail } from './looks.ts'
import { intervalOfMean, summarise } from './statistics.ts'
import type { MeasurementProfile, SampleStatistics, VerdictRule } from './verdict.ts'

/** Base units: bits per second, seconds, packets or transactions per second, packets, and a part of 1. */
export const metricUnits = ['bit/s', 's', 'packets/s', 'transactions/s', 'packets', 'fraction'] as const
export type MetricUnit = (typeof metricUnits)[number]

/** What must be reached, or not exceeded. In the metric's base unit. */
export interface MetricExpectation {
  /** Its name in the config. */
  readonly key: string
  readonly bound: 'at_least' | 'at_most'
  readonly value: number
}

/** One figure of a measurement, over its repetitions. */
export interface Metric {
  /** `loss`, `rtt p99 under load` */
  readonly name: string
  readonly unit: MetricUnit
  readonly statistics: SampleStatistics
  readonly verdict?: MetricVerdict | undefined
}

/** INVALID has no metric: what measured nothing has no values. */
export interface MetricVerdict {
  readonly state: 'PASS' | 'FAIL' | 'UNSTABLE'
  readonly expectation: MetricExpectation
  readonly rule: VerdictRule
  readonly sentence: string
}

export interface MetricPlan {
  readonly profile: Pick<MeasurementProfile, 'name' | 'repetitions' | 'maxCov'>
  readonly mode?: string | undefined
  readonly rule: VerdictRule
}

/** Statistics of one value per repetition. @throws RangeError for no value, or one that is not finite */
export function metricOf(name: string, unit: MetricUnit, values: readonly number[]): Metric {
  return { name, unit, statistics: summarise(values) }
}

/**
 * Holds the metric against an expectation: PASS when the whole interval keeps to the bound, FAIL when none of it does.
 * A wide spread alone is UNSTABLE only where it leaves that open: figures near zero, like loss, spread without bounds.
 */
export function judgeMetric(metric: Metric, expectation: MetricExpectation, plan: MetricPlan): MetricVerdict {
  const { statistics } = metric
  const { mean, standardDeviation, n } = statistics
  const { rule } = plan
  const tail = decidingTail(n, plan.profile.repetitions)
  const interval =
    rule === 'mean' ? { lower: mean, upper: mean } : intervalOfMean(mean, standardDeviation, n, tail)
  const state = interval === null ? 'UNSTABLE' : decide(interval, expectation)
  return { state, expectation, rule, sentence: sentenceOf(state, metric, expectation, plan) }
}

function decide(
  { lower, upper }: { readonly lower: number; readonly upper: number },
  { bound, value }: MetricExpectation,
): MetricVerdict['state'] {
  if (bound === 'at_least') return lower >= value ? 'PASS' : upper < value ? 'FAIL' : 'UNSTABLE'
  return upper <= value ? 'PASS' : lower > value ? 'FAIL' : 'UNSTABLE'
}

/** `loss: 0.12 ± 0.03 % ≤ 0.5 % expected (offload, udp_loss): -76.0 %, n=3` */
function sentenceOf(
  state: MetricVerdict['state'],
  { name, unit, statistics }: Metric,
  { key, bound, value }: MetricExpectation,
  { mode }: MetricPlan,
): string {
  const { mean, interval, n, coefficientOfVariation: cov } = statistics
  const kept = bound === 'at_least' ? '≥' : '≤'
  const missed = bound === 'at_least' ? '<' : '>'
  const sign = state === 'PASS' ? kept : state === 'FAIL' ? missed : 'against'
  const where = [mode, key].filter((part) => part !== undefined).join(', ')
  const numbers = [
    ...(value === 0 ? [] : [formatSignedPercent(mean / value - 1)]),
    `n=${n}`,
    cov === null ? 'no CoV' : `CoV ${formatPercent(cov)}`,
  ].join(', ')
  const undecided =
    n === 1
      ? '; unstable: one repetition has no interval: measure at least 2'
      : '; unstable: too close to tell: measure longer, or quieten the machines'
  const figure = formatFigure(mean, interval?.halfWidth ?? null, unit)
  const expected = formatBound(value, unit)
  return `${name}: ${figure} ${sign} ${expected} expected (${where}): ${numbers}${state === 'UNSTABLE' ? undecided : ''}`
}
