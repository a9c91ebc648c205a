/** Two sets of figures against each other: is there a difference, how large, and is it a regression (MEASUREMENT.md). */
import { median } from 'simple-statistics'
import { formatFigure } from './figure-format.ts'
import { formatSignedPercent } from './format.ts'
import { mannWhitney, pairsOutside, smallestP } from './mann-whitney.ts'
import type { MetricUnit } from './metric.ts'

/** What is held to be chance, and what is too little to matter. */
const significant = 0.05
const leastRegression = 0.05

export interface CompareOptions {
  /** Default: `bit/s`. */
  readonly unit?: MetricUnit | undefined
  /** Default: `higher`. */
  readonly better?: 'higher' | 'lower' | undefined
}

/**
 * A regression and an improvement have p < 0.05 and medians at least 5 % apart; a small difference has p < 0.05 and less than
 * that; with too few figures no difference could reach p < 0.05.
 */
export const conclusions = [
  'regression',
  'improvement',
  'small-difference',
  'no-difference',
  'too-few',
] as const
export type Conclusion = (typeof conclusions)[number]

export interface Comparison {
  readonly conclusion: Conclusion
  /** Of Mann and Whitney's test, two-sided. */
  readonly p: number
  /** Median of `after` / median of `before` − 1. */
  readonly effect: number
  /**
   * Of what all of `after` is to all of `before` (the ratio of any pair, after Hodges and Lehmann), − 1, with 95 % at least;
   * `null` when there are too few figures for one.
   */
  readonly interval: { readonly lower: number; readonly upper: number } | null
  readonly before: { readonly n: number; readonly median: number }
  readonly after: { readonly n: number; readonly median: number }
  readonly sentence: string
}

/**
 * Holds `after` against `before`.
 * @throws RangeError for an empty set, or figures that are not above 0
 */
export function compareFigures(
  before: readonly number[],
  after: readonly number[],
  { unit = 'bit/s', better = 'higher' }: CompareOptions = {},
): Comparison {
  if (![...before, ...after].every((value) => value > 0))
    throw new RangeError('figures to be compared lie above 0')
  const { p } = mannWhitney(before, after)
  const medians = { before: median([...before]), after: median([...after]) }
  const effect = medians.after / medians.before - 1
  const sizes = [before.length, after.length] as const
  const gain = better === 'higher' ? effect : -effect
  const facts = {
    p,
    effect,
    interval: ratioInterval(before, after),
    before: { n: before.length, median: medians.before },
    after: { n: after.length, median: medians.after },
  }
  const conclusion = conclude(p, gain, smallestP(...sizes))
  return { conclusion, ...facts, sentence: sentenceOf(conclusion, facts, unit) }
}

/** The fewest figures of a second set with which a difference to `size` figures can show at all. */
export function fewestAgainst(size: number): number {
  if (size < 2) return Infinity // 1 against 39 would do, and nobody measures that
  let others = 1
  while (smallestP(size, others) >= significant) others++
  return others
}

function conclude(p: number, gain: number, smallest: number): Conclusion {
  if (smallest >= significant) return 'too-few'
  if (p >= significant) return 'no-difference'
  if (gain <= -leastRegression) return 'regression'
  return gain >= leastRegression ? 'improvement' : 'small-difference'
}

/** Exact for figures without ties: between two of the ordered ratios of all pairs. */
function ratioInterval(before: readonly number[], after: readonly number[]): Comparison['interval'] {
  const outside = pairsOutside(before.length, after.length, 0.025)
  if (outside === 0) return null
  const ratios = before.flatMap((old) => after.map((fresh) => fresh / old)).sort((x, y) => x - y)
  return { lower: ratios.at(outside - 1)! - 1, upper: ratios.at(-outside)! - 1 }
}

const words: Readonly<Record<Conclusion, string>> = {
  regression: 'a regression',
  improvement: 'an improvement',
  'small-difference': 'a difference, and below 5 %',
  'no-difference': 'no difference that chance does not explain',
  'too-few': 'too few to tell',
}

/** `9.41 → 8.62 Gbit/s: -8.4 % (95 % interval -9.9 to -6.8 %), p=0.008, n=5 and 5: a regression` */
function sentenceOf(
  conclusion: Conclusion,
  { p, effect, interval, before, after }: Omit<Comparison, 'conclusion' | 'sentence'>,
  unit: MetricUnit,
): string {
  const range = interval
    ? `95 % interval ${formatSignedPercent(interval.lower).replace(' %', '')} to ${formatSignedPercent(interval.upper)}`
    : 'too few for a 95 % interval'
  const figures = `${formatFigure(before.median, null, unit)} → ${formatFigure(after.median, null, unit)}`
  const smallest = smallestP(before.n, after.n)
  const advice =
    conclusion === 'too-few' ? `: p cannot get below ${formatP(smallest)}, and ${significant} is needed` : ''
  return (
    `${figures}: ${formatSignedPercent(effect)} (${range}), p=${formatP(p)}, n=${before.n} and ${after.n}:` +
    ` ${words[conclusion]}${advice}`
  )
}

/** `0.008`, `<0.001` comes with its own sign. */
function formatP(p: number): string {
  return p < 0.001 ? p.toExponential(0) : p.toFixed(3)
}
