/** What rounds come to: medians and ranges, ratios of rounds, and how a cost grows with a size. Pure. */
import { linearRegression, median } from 'simple-statistics'

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median([...values]), min: Math.min(...values), max: Math.max(...values) }
}

/** The ratio of the medians, with the least and the most that a round alone gives. */
export function ratioOf(over: readonly number[], under: readonly number[]): Spread {
  const ofRounds = over.map((value, round) => value / under[round]!)
  return {
    ...spreadOf(ofRounds),
    median: spreadOf(over).median / spreadOf(under).median,
  }
}

export interface Point extends Spread {
  readonly size: number
}

/** Beyond this, a step is taken for quadratic. */
export const steepest = 1.5

/**
 * The exponent of the power of the size that the cost grows with: the slope in double logarithmic scale, by all points or by the
 * upper half, whichever is steeper, for what every size costs hides at the small ones what the size costs.
 */
export function exponentOf(points: readonly Point[]): number {
  const upper = points.slice(-Math.max(3, Math.ceil(points.length / 2)))
  return Math.max(slope(points), slope(upper))
}

function slope(points: readonly Point[]): number {
  const logs = points.map((point) => [Math.log(point.size), Math.log(point.median)])
  return linearRegression(logs).m
}
