/**
 * The lower one-sided tolerance bound: a figure that, with the confidence asked for, at least the content asked for of all future
 * figures reach (NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.6.3). Normal theory, as every figure here is a mean
 * over seconds and flows: mean − k·s, where k·√n is a quantile of the noncentral t distribution. No kept library has that
 * quantile, so the probability is integrated here.
 */
import { errorFunction, gammaln } from 'simple-statistics'
import { summarise } from './statistics.ts'

export interface ToleranceTerms {
  /** The part of future figures that reach the bound: 0.95 */
  readonly content: number
  /** 0.95 */
  readonly confidence: number
}

export interface ToleranceBound extends ToleranceTerms {
  readonly bound: number
  /** k in mean − k·s */
  readonly factor: number
  readonly n: number
  readonly mean: number
  readonly standardDeviation: number
}

/** MEASUREMENT.md, "Calibrate". */
export const usualTerms: ToleranceTerms = { content: 0.95, confidence: 0.95 }

/** Two values have factors beyond 20, which say nothing of a machine. */
const fewest = 3

/** @throws RangeError for fewer than three values */
export function lowerToleranceBound(
  values: readonly number[],
  terms: ToleranceTerms = usualTerms,
): ToleranceBound {
  const { n, mean, standardDeviation } = summarise(values)
  const factor = toleranceFactor(n, terms)
  if (standardDeviation === null) throw new RangeError('a tolerance bound needs a spread')
  return { ...terms, bound: mean - factor * standardDeviation, factor, n, mean, standardDeviation }
}

/** k for `n` values: 2.911 for 10, 2.396 for 20, with content and confidence of 95 %. @throws RangeError */
export function toleranceFactor(n: number, { content, confidence }: ToleranceTerms = usualTerms): number {
  if (!Number.isInteger(n) || n < fewest)
    throw new RangeError(`a tolerance factor is of ${fewest} values or more, not ${n}`)
  for (const share of [content, confidence])
    if (!(share > 0 && share < 1))
      throw new RangeError(`content and confidence lie between 0 and 1, not ${share}`)
  const z = root(normalCdf, content)
  return root((k) => probabilityOfHolding(k, n, z), confidence)
}

/** P(mean − k·s ≤ μ − z·σ): for each s/σ the mean must be low enough; weighed with the density of s/σ. */
function probabilityOfHolding(k: number, n: number, z: number): number {
  const degrees = n - 1
  const rootOfN = Math.sqrt(n)
  const logFront = Math.LN2 + (degrees / 2) * Math.log(degrees / 2) - gammaln(degrees / 2)
  const weighed = (s: number): number =>
    s === 0 && degrees > 1
      ? 0
      : Math.exp(logFront + (degrees - 1) * Math.log(s || 1) - (degrees * s * s) / 2) *
        normalCdf(rootOfN * (k * s - z))
  // s/σ has a mean of almost 1 and a deviation below 1/√(2ν): twelve of them on each side hold all of it.
  const reach = 12 / Math.sqrt(2 * degrees)
  return integral(weighed, Math.max(0, 1 - reach), 1 + reach)
}

/** By Simpson's rule. */
function integral(f: (x: number) => number, from: number, to: number): number {
  const steps = 2000
  const width = (to - from) / steps
  let total = f(from) + f(to)
  for (let step = 1; step < steps; step++) total += f(from + step * width) * (step % 2 === 1 ? 4 : 2)
  return (total * width) / 3
}

/** Where a rising function reaches `target`, by halving. */
function root(f: (x: number) => number, target: number): number {
  let [below, above] = [-1, 1]
  while (f(below) > target) below *= 2
  while (f(above) < target) above *= 2
  while (above - below > 1e-9) {
    const middle = (below + above) / 2
    if (f(middle) < target) below = middle
    else above = middle
  }
  return (below + above) / 2
}

function normalCdf(x: number): number {
  return (1 + errorFunction(x / Math.SQRT2)) / 2
}
