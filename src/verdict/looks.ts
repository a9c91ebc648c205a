/**
 * How sure an interval must be to decide, when it is looked at again after every repetition.
 *
 * Looking at a 95 % interval once calls a mean that lies exactly at the expectation "below" in 2.5 % of runs. Looking
 * at it after each repetition and stopping as soon as it decides does so in 5.0 % (3 to 5 repetitions), 5.4 % (6 to 10)
 * or 6.7 % (10 to 20; all simulated), because each look is another chance to be wrong. So the 2.5 % are shared out (a
 * Bonferroni bound in the manner of Haybittle and Peto): all early looks together spend a fifth, evenly, and the last
 * look the rest. Whatever the number of looks, and however they depend on each other, a true PASS is then called FAIL,
 * and a true FAIL called PASS, in at most 2.5 % of runs (simulated: 2.3, 2.1 and 2.1 %), for noise that is normal and
 * independent from one repetition to the next. A clear case still ends after the fewest repetitions, for it clears the
 * stricter interval as well. The interval that is printed is the plain 95 % one.
 *
 * Noise that is symmetric and not normal changes little (heavy tails: 1.2 to 1.9 %; a flat range: 2.2 to 2.5 %, and 3.4 % in 3 to
 * 5 repetitions). Skewed noise shifts the risk from one side to the other, and no test of a mean holds its level for all
 * shapes (Bahadur and Savage 1956): where disturbances only take away (skewness −1), a true PASS is called FAIL in 0.7 to 0.9 %
 * of runs and a true FAIL right at the edge called PASS in 4.4 to 5.4 %. All of it simulated in
 * test/verdict/error-rate.test.ts.
 */

/** On each side. */
const wholeTail = 0.025
const earlyShare = 0.2

export interface Repetitions {
  readonly min: number
  readonly max: number
}

/** The tail, on each side, of the interval that may decide after `n` repetitions. */
export function decidingTail(n: number, { min, max }: Repetitions): number {
  // One value has no interval, so looking at it decides nothing and costs nothing.
  const earlyLooks = max - Math.max(min, 2)
  if (earlyLooks <= 0) return wholeTail
  return n < max ? (wholeTail * earlyShare) / earlyLooks : wholeTail * (1 - earlyShare)
}
