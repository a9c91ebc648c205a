/** The order of two that are measured in turn: A B B A A B B A …, so that what drifts meets both alike. */

export type Side = 'A' | 'B'

export interface Turn {
  /** From 1. */
  readonly number: number
  readonly side: Side
}

/** So many of each, beginning with A. */
export function abba(rounds: number): Turn[] {
  return Array.from({ length: 2 * rounds }, (_, index) => ({
    number: index + 1,
    side: index % 4 === 0 || index % 4 === 3 ? 'A' : 'B',
  }))
}

/** `ABBAABBA` */
export function orderText(turns: readonly Turn[]): string {
  return turns.map(({ side }) => side).join('')
}
