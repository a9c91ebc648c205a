/** Outliers by the modified z-score of Iglewicz and Hoaglin (1993): robust, for few values. Flagged, never dropped. */
import { mean, median, medianAbsoluteDeviation } from 'simple-statistics'
import type { Outlier } from './verdict.ts'

/** Their recommendation for labelling a value. */
const threshold = 3.5
/** Below three values there are no "others" to be far from. */
const fewest = 3

/** Values whose modified z-score exceeds 3.5 in size, in their order. */
export function findOutliers(values: readonly number[]): Outlier[] {
  if (values.length < fewest) return []
  const scores = modifiedZScores(values)
  return values.flatMap((value, index) => {
    const modifiedZScore = scores[index] ?? 0
    return Math.abs(modifiedZScore) > threshold ? [{ repetition: index + 1, value, modifiedZScore }] : []
  })
}

/**
 * (x − median) / (1.4826 · MAD); 1.4826 makes the MAD of normal values their standard deviation. When more than half
 * of the values are equal the MAD is 0: then the mean absolute deviation from the median serves (factor 1.2533), and
 * when that is 0 as well all values are the same and every score is 0.
 */
export function modifiedZScores(values: readonly number[]): number[] {
  const list = [...values]
  const centre = median(list)
  const scale = 1.4826 * medianAbsoluteDeviation(list) || 1.2533 * mean(list.map((x) => Math.abs(x - centre)))
  return list.map((value) => (scale === 0 ? 0 : (value - centre) / scale))
}
