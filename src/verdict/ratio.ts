/** How many times one mean is another, with the interval of that: Fieller's theorem for two independent samples. */
import { studentTUpperQuantile } from './student-t.ts'
import type { SampleStatistics } from './verdict.ts'

export interface RatioOfMeans {
  readonly ratio: number
  /** `null` where a sample is a single value, or where the divisor's own interval reaches zero, so that no ratio is too large. */
  readonly interval: { readonly level: number; readonly lower: number; readonly upper: number } | null
}

/** What a mean is estimated with: its standard error, squared. */
export interface EstimatedMean {
  readonly mean: number
  readonly variance: number
}

const tail = 0.025

/**
 * Of the means of two samples that were taken independently, spreads of their own allowed: Fieller's limits with
 * Satterthwaite's degrees of freedom (Tamhane and Logan, Statistics in Medicine 23, 2004).
 * @throws RangeError when the divisor's mean is not above zero
 */
export function ratioOfMeans(
  above: Pick<SampleStatistics, 'n' | 'mean' | 'standardDeviation'>,
  below: Pick<SampleStatistics, 'n' | 'mean' | 'standardDeviation'>,
): RatioOfMeans {
  if (!(below.mean > 0)) throw new RangeError(`a ratio to ${below.mean} says nothing`)
  const ratio = above.mean / below.mean
  const [a, b] = [estimated(above), estimated(below)]
  if (a === undefined || b === undefined) return { ratio, interval: null }
  const level = 1 - 2 * tail
  if (a.variance === 0 && b.variance === 0) return { ratio, interval: { level, lower: ratio, upper: ratio } }
  const scaled = ratio ** 2 * b.variance
  const degrees = (a.variance + scaled) ** 2 / (a.variance ** 2 / (above.n - 1) + scaled ** 2 / (below.n - 1))
  const limits = fiellerLimits(a, b, studentTUpperQuantile(tail, degrees))
  return { ratio, interval: limits && { level, ...limits } }
}

/**
 * The ratios that `t` standard errors allow: the solutions ρ of (a − ρb)² ≤ t²·(var a + ρ²·var b). `null` where they have no end.
 */
export function fiellerLimits(
  above: EstimatedMean,
  below: EstimatedMean,
  t: number,
): { readonly lower: number; readonly upper: number } | null {
  const square = below.mean ** 2 - t ** 2 * below.variance
  if (square <= 0) return null
  const product = above.mean * below.mean
  const constant = above.mean ** 2 - t ** 2 * above.variance
  const root = Math.sqrt(Math.max(0, product ** 2 - square * constant))
  return { lower: (product - root) / square, upper: (product + root) / square }
}

function estimated({
  n,
  mean,
  standardDeviation,
}: Pick<SampleStatistics, 'n' | 'mean' | 'standardDeviation'>): EstimatedMean | undefined {
  return standardDeviation === null ? undefined : { mean, variance: standardDeviation ** 2 / n }
}
