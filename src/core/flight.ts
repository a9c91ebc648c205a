/** What is kept of a failure: pieces that were had of each machine, and why others could not be had. */

/** What a person would type to see the same, and what came of it. */
export interface FlightPiece {
  /** As the config names it, or `controller`. */
  readonly machine: string
  /** The name of its file: `routes`, `console of vm1`. */
  readonly name: string
  readonly command: string
  /** `undefined` when it was not had; `missing` says why. */
  readonly text?: string | undefined
  /** Of the command, where it ended by itself. */
  readonly exitStatus?: number | undefined
  /** The part that is kept of a text that is longer than `mostBytes`. */
  readonly keep: 'beginning' | 'end'
  readonly mostBytes: number
  /** More was there than `text` has. */
  readonly cut?: boolean | undefined
  readonly missing?: string | undefined
}

export interface FlightTest {
  readonly suite: string
  readonly name: string
}

/** A failure with all that was had of it. */
export interface Flight {
  /** `the test failed`, `the environment could not be opened`. */
  readonly occasion: string
  /** The test whose failure it is; none when it happened outside of tests. */
  readonly test?: FlightTest | undefined
  readonly mode: string
  /** The errors as they were said. */
  readonly reason: string
  readonly startedAt: string
  readonly durationMs: number
  /** The time that there was for it. */
  readonly limitMs: number
  readonly pieces: readonly FlightPiece[]
}

const kib = 2 ** 10
/** The most that is kept of one piece, in bytes. */
export const pieceBytes = { table: 256 * kib, log: 1024 * kib } as const

/** As long as a secret that is known by its look (a private key): so much more is fetched, cleaned, and then cut. */
export const cleanedAroundBytes = 16 * kib

/** For a failure, and for a run that somebody wants to end, in ms. */
export const flightLimits = { failed: 15_000, interrupted: 5_000 } as const
