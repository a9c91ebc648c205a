/**
 * The frame of `npm run bench:self`: what dpbench itself costs, beside what a person would use in its place. A part is a file in
 * bench/parts/ whose `parts` are rows (two ways to do the same, in turn) and growths (cost against size). Figures become
 * bench-self.json and docs/performance.md.
 */
import type { Stage } from './stage.ts'

/** The text of what is to be reached, and whether it is. */
export interface Reach {
  readonly text: string
  /** How the two figures are put in relation: the peer's over ours, or ours over the peer's. */
  readonly ratio: 'times faster' | 'times as long'
  readonly holds: (result: { readonly ours: number; readonly ratio: number | undefined }) => boolean
}

/** The peer's figure is at least `times` ours. */
export const timesFaster = (times: number): Reach => ({
  text: `at least ${times} times faster`,
  ratio: 'times faster',
  holds: ({ ratio }) => ratio !== undefined && ratio >= times,
})

/** Ours is at most `times` the peer's figure. */
export const timesAsLong = (times: number): Reach => ({
  text: `at most ${times} times as long`,
  ratio: 'times as long',
  holds: ({ ratio }) => ratio !== undefined && ratio <= times,
})

/** Ours alone, whatever the peer's. */
export const atMost = (limit: number, unit: string): Reach => ({
  text: `at most ${limit} ${unit}`,
  ratio: 'times as long',
  holds: ({ ours }) => ours <= limit,
})

/** One more figure that must hold: bytes on the wire. */
export interface Check {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The most that it may be. */
  readonly limit: number
}

/** A row that is ready to be measured. */
export interface Prepared {
  /** Does it once, and resolves with the figure in the row's unit; what it puts back afterwards does not count. */
  readonly ours: () => Promise<number>
  /** The same, as a person would do it. */
  readonly peer?: () => Promise<number>
  /** After the last round. */
  readonly checks?: () => Promise<readonly Check[]> | readonly Check[]
  /** What a reader must know of the figures: how the content was made, for example. */
  readonly notes?: readonly string[]
}

export interface Row {
  readonly kind: 'row'
  /** Measured only when `--only` names it. */
  readonly optional?: true
  /** For `--only`: lower-case letters, digits and dashes. */
  readonly name: string
  readonly what: string
  readonly against: string
  readonly unit: string
  /** How often each of the two is done. */
  readonly rounds: number
  readonly reach: Reach
  readonly prepare: (stage: Stage) => Promise<Prepared>
}

export interface Growth {
  readonly kind: 'growth'
  readonly optional?: undefined
  readonly name: string
  readonly what: string
  /** What is counted on the horizontal axis: `hosts`. */
  readonly axis: string
  readonly unit: string
  /** At least three, ascending. */
  readonly sizes: readonly number[]
  readonly rounds: number
  readonly prepare: (stage: Stage) => Promise<{
    readonly cost: (size: number) => Promise<number>
    readonly notes?: readonly string[]
  }>
}

export type Part = Row | Growth

/** The seconds that `work` takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}
