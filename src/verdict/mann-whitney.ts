/**
 * The test of Mann and Whitney (1947; Wilcoxon's rank sum) for two sets of figures, exact also with ties: the rank sum is
 * held against all ways to share the pooled mid-ranks out to two sets of these sizes. It asks nothing of the figures'
 * distribution. simple-statistics sums the ranks and has no probability of the sum; @stdlib, 223 packages for a quantile of
 * Student's t, has no such test.
 */
import { errorFunction, sum, wilcoxonRankSum } from 'simple-statistics'

export interface MannWhitney {
  /** Pairs (a, b) with a > b; a tie counts half. */
  readonly u: number
  /** Two-sided: how likely a rank sum at least as far from its mean is, when both sets come from the same source. */
  readonly p: number
  readonly method: 'exact' | 'normal approximation'
}

/** Sets up to this size are counted out; above it the normal distribution, corrected for ties, is near enough. */
const mostCounted = 50

/** @throws RangeError for an empty set or a value that is not finite */
export function mannWhitney(a: readonly number[], b: readonly number[]): MannWhitney {
  if (a.length === 0 || b.length === 0) throw new RangeError('a set without a value cannot be compared')
  if (![...a, ...b].every(Number.isFinite)) throw new RangeError('a figure to be compared is not finite')
  const rankSum = wilcoxonRankSum([...a], [...b])
  const u = rankSum - (a.length * (a.length + 1)) / 2
  const exact = Math.max(a.length, b.length) <= mostCounted
  const p = exact ? exactP(a, b, rankSum) : approximateP(a, b, u)
  return { u, p, method: exact ? 'exact' : 'normal approximation' }
}

/** The smallest p that sets of these sizes can reach: 3 and 3 → 0.1, 4 and 4 → 0.029, 5 and 5 → 0.008. */
export function smallestP(sizeA: number, sizeB: number): number {
  const lowest = rankSumWays(sizeA, ranksOfDistinct(sizeA + sizeB))
  return Math.min(1, (2 * lowest.find((ways) => ways > 0)!) / sum(lowest))
}

/**
 * How many of the smallest products of two sets without ties lie outside of a two-sided interval of the shift, on each
 * side: the largest c with P(U ≤ c − 1) ≤ tail (Hollander and Wolfe, Nonparametric Statistical Methods, 4.3); 0 when the sets
 * are too small for such an interval.
 */
export function pairsOutside(sizeA: number, sizeB: number, tail: number): number {
  if (Math.max(sizeA, sizeB) > mostCounted) {
    const deviation = Math.sqrt((sizeA * sizeB * (sizeA + sizeB + 1)) / 12)
    let c = 0
    while (normalTail(((sizeA * sizeB) / 2 - c - 0.5) / deviation) <= tail) c++
    return c
  }
  const ways = rankSumWays(sizeA, ranksOfDistinct(sizeA + sizeB)).filter((_, doubled) => doubled % 2 === 0)
  const all = sum(ways)
  const first = (sizeA * (sizeA + 1)) / 2
  let below = 0
  let c = 0
  for (; below + ways[first + c]! <= tail * all; c++) below += ways[first + c]!
  return c
}

function exactP(a: readonly number[], b: readonly number[], rankSum: number): number {
  const pooled = [...a, ...b]
  const ranks = doubledRanks(pooled)
  const ways = rankSumWays(a.length, ranks)
  const mean = a.length * (pooled.length + 1) // of the doubled rank sum
  const distance = Math.abs(2 * rankSum - mean)
  const asFar = ways.filter((_, doubled) => Math.abs(doubled - mean) >= distance)
  return sum(asFar) / sum(ways)
}

/** By the sum of doubled ranks, in how many ways `size` of them have it. */
function rankSumWays(size: number, doubled: readonly number[]): number[] {
  const most = sum([...doubled])
  const bySize = Array.from({ length: size + 1 }, () => new Float64Array(most + 1))
  bySize[0]![0] = 1
  for (const rank of doubled) {
    for (let taken = size; taken >= 1; taken--) {
      const [from, to] = [bySize[taken - 1]!, bySize[taken]!]
      for (let total = most; total >= rank; total--) to[total]! += from[total - rank]!
    }
  }
  return [...bySize[size]!]
}

/** Twice the mid-rank of each value, so that all are whole. */
function doubledRanks(values: readonly number[]): number[] {
  const sorted = values.toSorted((x, y) => x - y)
  return values.map((value) => sorted.indexOf(value) + sorted.lastIndexOf(value) + 2)
}

function ranksOfDistinct(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 2 * (index + 1))
}

/** With the correction for ties and for continuity (Siegel, Nonparametric Statistics, 1956). */
function approximateP(a: readonly number[], b: readonly number[], u: number): number {
  const [n, m] = [a.length, b.length]
  const total = n + m
  const ties = [...Map.groupBy([...a, ...b], (value) => value).values()].map(({ length }) => length)
  const tied = sum(ties.map((count) => count ** 3 - count))
  const variance = ((n * m) / 12) * (total + 1 - tied / (total * (total - 1)))
  if (variance === 0) return 1
  const distance = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5)
  return Math.min(1, 2 * normalTail(distance / Math.sqrt(variance)))
}

function normalTail(z: number): number {
  return (1 - errorFunction(z / Math.SQRT2)) / 2
}
