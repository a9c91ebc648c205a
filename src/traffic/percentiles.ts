/** Percentiles by rank: of n sorted values the p-th is the ⌈p·n⌉-th, a value that was seen and never one in between. */
import { MeasurementError } from '../core/errors.ts'

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** @throws MeasurementError for no value */
export function percentilesOf(values: readonly number[], what: string): Percentiles {
  if (values.length === 0) throw new MeasurementError(`${what}: no value`)
  const sorted = values.toSorted((a, b) => a - b)
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
  return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: sorted.at(-1)! }
}
