/**
 * Student's t distribution, through the regularised incomplete beta function
 * (NIST Digital Library of Mathematical Functions, 8.17: relation 8.17.22 is the continued fraction).
 * simple-statistics has tests that use t, and no quantile of it.
 */
import { gammaln } from 'simple-statistics'

/** P(T ≤ t) for `degreesOfFreedom` > 0. */
export function studentTCdf(t: number, degreesOfFreedom: number): number {
  requireDegrees(degreesOfFreedom)
  if (t === 0) return 0.5
  const tail = upperTail(Math.abs(t), degreesOfFreedom)
  return t > 0 ? 1 - tail : tail
}

/**
 * The t that is exceeded with probability `tailProbability`: 0.025 gives the factor of a two-sided 95 % interval.
 * @throws RangeError unless 0 < tailProbability < 0.5 and degreesOfFreedom > 0.
 */
export function studentTUpperQuantile(tailProbability: number, degreesOfFreedom: number): number {
  requireDegrees(degreesOfFreedom)
  if (!(tailProbability > 0 && tailProbability < 0.5)) {
    throw new RangeError(`a tail probability lies between 0 and 0.5, and this is ${tailProbability}`)
  }
  const key = `${tailProbability} ${degreesOfFreedom}`
  const known = quantiles.get(key) ?? findUpperQuantile(tailProbability, degreesOfFreedom)
  quantiles.set(key, known)
  return known
}

/** The same few quantiles are asked for after every repetition, and finding one takes a thousand times a look-up. */
const quantiles = new Map<string, number>()

function findUpperQuantile(tailProbability: number, degreesOfFreedom: number): number {
  let low = 0
  let high = 1
  while (upperTail(high, degreesOfFreedom) > tailProbability) {
    low = high
    high *= 2
  }
  // The tail falls steadily with t, so halving ends at the resolution of a double, within about 60 steps.
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (upperTail(middle, degreesOfFreedom) > tailProbability) low = middle
    else high = middle
  }
  return high
}

/** P(T > t) for t ≥ 0. */
function upperTail(t: number, degreesOfFreedom: number): number {
  return regularisedBeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5) / 2
}

function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast below the mean of the distribution; above it the symmetry is used.
  if (x > (a + 1) / (a + b + 2)) return 1 - regularisedBeta(1 - x, b, a)
  const logFront = gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x)
  return (Math.exp(logFront) / a) * continuedFraction(x, a, b)
}

/** Evaluated by the modified Lentz method. */
function continuedFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const guard = (value: number): number => (Math.abs(value) < tiny ? tiny : value)
  let numerator = 1
  let denominator = 1 / guard(1 - ((a + b) * x) / (a + 1))
  let result = denominator
  for (let m = 1; m <= 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    let change = 1
    for (const term of [even, odd]) {
      denominator = 1 / guard(1 + term * denominator)
      numerator = guard(1 + term / numerator)
      change = numerator * denominator
      result *= change
    }
    if (Math.abs(change - 1) < 1e-15) return result
  }
  throw new RangeError(`the incomplete beta function did not converge for x=${x} a=${a} b=${b}`)
}

function requireDegrees(degreesOfFreedom: number): void {
  if (!(degreesOfFreedom > 0)) {
    throw new RangeError(`Student's t needs more than 0 degrees of freedom, not ${degreesOfFreedom}`)
  }
}
