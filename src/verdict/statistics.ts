/** Sums up repetitions: mean, spread, the 95 % interval of the mean, outliers. No value is ever dropped. */
import { mean as meanOf, median as medianOf, sampleStandardDeviation } from 'simple-statistics'
import { studentTUpperQuantile } from './student-t.ts'
import { findOutliers } from './outliers.ts'
import type { MeanInterval, SampleStatistics } from './verdict.ts'

/** Half of what a two-sided 95 % interval leaves out. */
const plainTail = 0.025

/**
 * Statistics of one figure per repetition, in their order.
 * @throws RangeError for no value, or one that is not finite.
 */
export function summarise(values: readonly number[]): SampleStatistics {
  if (values.length === 0) throw new RangeError('no value to sum up')
  if (!values.every(Number.isFinite)) throw new RangeError(`not all finite: ${values.join(', ')}`)
  const list = [...values]
  const n = list.length
  const min = Math.min(...list)
  const max = Math.max(...list)
  // The mean of equal values can differ from them by a rounding error, which would be a spread that is not there.
  const mean = min === max ? min : meanOf(list)
  const standardDeviation = n < 2 ? null : min === max ? 0 : sampleStandardDeviation(list)
  return {
    n,
    values: list,
    mean,
    median: medianOf(list),
    min,
    max,
    standardDeviation,
    coefficientOfVariation:
      standardDeviation === null || mean === 0 ? null : standardDeviation / Math.abs(mean),
    interval: intervalOfMean(mean, standardDeviation, n, plainTail),
    outliers: findOutliers(list),
  }
}

/** mean ± t·s/√n, with `tail` left out on each side. `null` when there is no spread to speak of: n = 1. */
export function intervalOfMean(
  mean: number,
  standardDeviation: number | null,
  n: number,
  tail: number,
): MeanInterval | null {
  if (standardDeviation === null || n < 2) return null
  const halfWidth = (studentTUpperQuantile(tail, n - 1) * standardDeviation) / Math.sqrt(n)
  return { level: 1 - 2 * tail, lower: mean - halfWidth, upper: mean + halfWidth, halfWidth }
}
