/** When a candidate of a bisection has been measured enough, and whether it is good or bad. */
import { UsageError } from '../../core/errors.ts'
import type { RunRecord } from '../../report/record.ts'
import { formatGbit } from '../../verdict/format.ts'
import { summarise } from '../../verdict/statistics.ts'
import { type SideComparison, compareSides } from '../ab/compare-sides.ts'
import { scenariosOf } from '../figures.ts'

export type Judgement = 'good' | 'bad'

/** The figure that tells good from bad. */
export interface Divide {
  readonly suite: string
  readonly test: string
  readonly mode: string
  /** Medians of the runs' means, bit/s. */
  readonly good: number
  readonly bad: number
  /** Half way between them. */
  readonly middle: number
  /** How the ends compare. */
  readonly sentence: string
}

/** One run alone may be chance. */
const fewestRuns = 2

/**
 * The test whose figure fell most from good to bad, of those that regressed.
 * @throws UsageError when none did: there is nothing to look for
 */
export function divideOf(good: readonly RunRecord[], bad: readonly RunRecord[]): Divide {
  const compared = compareSides(good, bad)
  const worst = compared
    .filter(({ comparison }) => comparison.conclusion === 'regression')
    .sort((a, b) => a.comparison.effect - b.comparison.effect)[0]
  if (!worst) {
    const said = compared.map(({ test, mode, comparison }) => `  ${test} (${mode}): ${comparison.sentence}`)
    throw new UsageError(
      `--bad is not slower than --good, so there is nothing to look for:\n${said.join('\n')}\n` +
        'name other ends, or a suite and a mode that show the difference (-t, --mode)',
    )
  }
  return divideAt(worst)
}

function divideAt({ suite, test, mode, comparison }: SideComparison): Divide {
  const [good, bad] = [comparison.before.median, comparison.after.median]
  return { suite, test, mode, good, bad, middle: (good + bad) / 2, sentence: comparison.sentence }
}

/** The figures of a candidate's runs for the test that divides, bit/s. */
export function figuresFor(records: readonly RunRecord[], { suite, test, mode }: Divide): readonly number[] {
  const found = scenariosOf(records).find(
    (one) => one.suite === suite && one.test === test && one.mode === mode,
  )
  return found?.means ?? []
}

/** Runs that agree decide after the fewest; else all are measured, and their median does. */
export function judgeStep(
  values: readonly number[],
  { middle }: Pick<Divide, 'middle'>,
  most: number,
): 'again' | Judgement {
  if (values.length < Math.min(fewestRuns, most)) return 'again'
  const good = values.filter((value) => value >= middle).length
  if (good === values.length) return 'good'
  if (good === 0) return 'bad'
  if (values.length < most) return 'again'
  return summarise(values).median >= middle ? 'good' : 'bad'
}

/** `9.41, 9.38 Gbit/s` */
export function figuresText(values: readonly number[]): string {
  return values.length === 0
    ? 'not measured'
    : `${values.map((value) => formatGbit(value)).join(', ')} Gbit/s`
}
