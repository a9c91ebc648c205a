/**
 * Change points of a series of figures: E-divisive (Matteson and James, "A nonparametric approach for multiple change point
 * analysis of multivariate data", JASA 109, 2014). The series is split where the energy distance between both sides is
 * greatest, if a permutation test finds it too great for chance; then each side is looked at in the same way. It assumes no
 * distribution and no number of changes, needs no tuning to the noise, and is what others find changes of performance with
 * (Daly and others, "The use of change point detection to identify software performance regressions", ICPE 2020). No kept npm
 * package has it. The permutations are made from a fixed seed: the same series has the same change points.
 */

/** A single odd figure at an end is no change. */
const fewestOnEachSide = 3
const permutations = 499
/** A history asks this of every scenario, so it is stricter than a comparison. */
const significant = 0.01

export interface ChangePoint {
  /** Of the first figure after the change. */
  readonly index: number
  /** How often permuted figures are as far apart. */
  readonly p: number
}

/** In the order of the series. @throws RangeError for a figure that is not finite */
export function changePoints(values: readonly number[]): ChangePoint[] {
  if (!values.every(Number.isFinite)) throw new RangeError('a figure of the series is not finite')
  return changesBetween(values, 0, values.length, permuter()).sort((a, b) => a.index - b.index)
}

function changesBetween(
  values: readonly number[],
  from: number,
  to: number,
  shuffle: (values: Float64Array) => void,
): ChangePoint[] {
  const part = Float64Array.from(values.slice(from, to))
  const best = widestSplit(part)
  if (!best) return []
  const p = pOf(best.distance, part, shuffle)
  if (p > significant) return []
  const index = from + best.at
  return [
    { index, p },
    ...changesBetween(values, from, index, shuffle),
    ...changesBetween(values, index, to, shuffle),
  ]
}

/** Ends as soon as the test is lost. */
function pOf(distance: number, part: Float64Array, shuffle: (values: Float64Array) => void): number {
  const permuted = part.slice()
  const most = significant * (permutations + 1)
  let asFar = 1
  for (let done = 1; done <= permutations; done++) {
    shuffle(permuted)
    // Sums of the same figures in another order differ in their last digits.
    if ((widestSplit(permuted)?.distance ?? 0) >= distance * (1 - 1e-12)) asFar++
    if (asFar > most) return asFar / (done + 1)
  }
  return asFar / (permutations + 1)
}

/** Where the scaled energy distance between what is before and what is after is greatest. */
function widestSplit(values: Float64Array): { readonly at: number; readonly distance: number } | undefined {
  const n = values.length
  if (n < 2 * fewestOnEachSide) return undefined
  // Sums of the distances within the left, within the right, and of all.
  let left = 0
  let right = 0
  for (let i = 0; i < n; i++) for (let k = i + 1; k < n; k++) right += Math.abs(values[i]! - values[k]!)
  const all = right
  let best: { at: number; distance: number } | undefined
  for (let at = 1; at <= n - fewestOnEachSide; at++) {
    const moved = values[at - 1]!
    for (let i = 0; i < at - 1; i++) left += Math.abs(moved - values[i]!)
    for (let k = at; k < n; k++) right -= Math.abs(moved - values[k]!)
    if (at < fewestOnEachSide) continue
    const [before, after] = [at, n - at]
    const between = all - left - right
    const energy =
      (2 * between) / (before * after) -
      (2 * left) / (before * (before - 1)) -
      (2 * right) / (after * (after - 1))
    const distance = ((before * after) / n) * energy
    if (!best || distance > best.distance) best = { at, distance }
  }
  return best && best.distance > 0 ? best : undefined
}

/** Fisher and Yates' shuffle, with the numbers of a linear congruential generator (Numerical Recipes, 7.1). */
function permuter(): (values: Float64Array) => void {
  let state = 1
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return (values) => {
    for (let last = values.length - 1; last > 0; last--) {
      const other = next(last + 1)
      const kept = values[last]!
      values[last] = values[other]!
      values[other] = kept
    }
  }
}
