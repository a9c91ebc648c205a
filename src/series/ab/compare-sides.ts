/** B against A, test by test: what the runs' means say, and whether a regression was seen a second time. */
import { DpbenchError } from '../../core/errors.ts'
import { figureTitle, throughputFigure } from '../../report/figures.ts'
import type { RunRecord } from '../../report/record.ts'
import { type Comparison, compareFigures } from '../../verdict/compare.ts'
import { type Scenario, scenariosOf } from '../figures.ts'

export interface SideComparison {
  readonly suite: string
  readonly test: string
  readonly mode: string
  readonly comparison: Comparison
}

/** A regression that a second block of runs was to show again. */
export interface Confirmed extends SideComparison {
  readonly again?: Comparison | undefined
  /** Found in the first block, and in the second. */
  readonly regressed: boolean
}

/** @throws DpbenchError when the sides did not measure the same tests */
export function compareSides(a: readonly RunRecord[], b: readonly RunRecord[]): SideComparison[] {
  const [before, after] = [scenariosOf(a), scenariosOf(b)]
  const name = (one: Scenario): string => figureTitle({ ...one, figure: throughputFigure })
  const onlyOne = [
    ...before.filter((one) => !after.some((other) => name(other) === name(one))),
    ...after.filter((one) => !before.some((other) => name(other) === name(one))),
  ]
  if (onlyOne.length > 0)
    throw new DpbenchError(
      `measured on one side alone, and so not to be compared: ${onlyOne.map(name).join(', ')}`,
    )
  return before.map((one) => {
    const other = after.find((each) => name(each) === name(one))!
    const { suite, test, mode } = one
    return { suite, test, mode, comparison: compareFigures(one.means, other.means) }
  })
}

export function hasRegression(comparisons: readonly SideComparison[]): boolean {
  return comparisons.some(({ comparison }) => comparison.conclusion === 'regression')
}

/** @param again of the second block, where there was one */
export function confirm(
  first: readonly SideComparison[],
  again: readonly SideComparison[] | undefined,
): Confirmed[] {
  return first.map((one) => {
    if (one.comparison.conclusion !== 'regression') return { ...one, regressed: false }
    const second = again?.find(
      ({ suite, test, mode }) => suite === one.suite && test === one.test && mode === one.mode,
    )?.comparison
    return { ...one, again: second, regressed: second?.conclusion === 'regression' }
  })
}

/** One line per test and mode, and one more for what was looked at twice. */
export function comparisonLines(compared: readonly Confirmed[]): string[] {
  return compared.flatMap((one) => {
    const { comparison, again, regressed } = one
    const line = `${figureTitle({ ...one, figure: throughputFigure })}: ${comparison.sentence}`
    if (!again) return [line]
    const said = regressed ? 'seen again' : 'not seen again, and so not held to be one'
    return [line, `  ${said}: ${again.sentence}`]
  })
}
