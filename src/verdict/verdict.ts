/** Verdicts and what they are made from: the profile, the expectation, the statistics, the reasons. */

import type { Cause } from './counters.ts'

/** How a scenario is measured. `src/config` fills it from a profile's name or from numbers. */
export interface MeasurementProfile {
  readonly name: string
  readonly keptSeconds: number
  readonly warmUpSeconds: number
  readonly warmDownSeconds: number
  readonly repetitions: { readonly min: number; readonly max: number }
  /** Pause between repetitions. */
  readonly gapSeconds: number
  /** The spread (standard deviation / mean) above which a result is unstable, as a fraction. */
  readonly maxCov: number
  /** What becomes of a sample whose mode nobody could prove. A disproven mode is always invalid. */
  readonly onUnprovenMode: 'note' | 'invalid'
}

/** The throughput that must be reached. */
export interface Expected {
  readonly bitsPerSecond: number
  /** Which threshold of the config it is, e.g. `remote_vm2vm`. */
  readonly key: string
}

/** `interval`: the 95 % interval decides. `mean`: the mean alone is compared, after the fewest repetitions. */
export type VerdictRule = 'interval' | 'mean'

/** What the judge needs beside the samples. */
export interface JudgePlan {
  readonly profile: MeasurementProfile
  readonly expected: Expected
  /** The data plane's mode, e.g. `offload`; absent where there are no modes. */
  readonly mode?: string | undefined
  /** Default `interval`. */
  readonly rule?: VerdictRule | undefined
}

export type Verdict = JudgedVerdict | UnstableVerdict | InvalidVerdict

interface VerdictBase {
  /** The whole verdict in one sentence, with the figure, its interval and what was expected. */
  readonly sentence: string
  readonly mode?: string | undefined
  readonly expected: Expected
  readonly rule: VerdictRule
  /** Remarks that change nothing: outliers, a mode that could not be proven, an unknown ceiling. */
  readonly notes: readonly string[]
  /** Likely causes of the figure; changes nothing either. */
  readonly why?: readonly Cause[] | undefined
}

interface WithStatistics {
  readonly statistics: SampleStatistics
  /** mean / expected − 1. */
  readonly deviation: number
}

export interface JudgedVerdict extends VerdictBase, WithStatistics {
  readonly state: 'PASS' | 'FAIL'
}

/** Measured, and not decided. */
export interface UnstableVerdict extends VerdictBase, WithStatistics {
  readonly state: 'UNSTABLE'
  readonly reasons: readonly Reason[]
}

/** Nothing was measured. */
export interface InvalidVerdict extends VerdictBase {
  readonly state: 'INVALID'
  readonly reasons: readonly Reason[]
}

export type ReasonRule =
  | 'no-sample'
  | 'flow-missing'
  | 'flow-error'
  | 'empty-interval'
  | 'overlap'
  | 'above-ceiling'
  | 'sender-receiver-gap'
  | 'mss'
  | 'restarted'
  | 'disturbed'
  | 'mode-not-proven'
  | 'undecided'
  | 'spread'

/** Why a verdict is what it is. */
export interface Reason {
  readonly rule: ReasonRule
  /** Names the repetition, the flow and the machine. */
  readonly message: string
  readonly repetition?: number | undefined
  readonly flow?: string | undefined
  readonly machine?: string | undefined
}

/** Bits per second throughout; `null` where too few repetitions define nothing. */
export interface SampleStatistics {
  readonly n: number
  readonly values: readonly number[]
  readonly mean: number
  readonly median: number
  readonly min: number
  readonly max: number
  /** With n − 1; `null` for n = 1. */
  readonly standardDeviation: number | null
  /** standard deviation / mean, a fraction; `null` for n = 1 or a mean of 0. */
  readonly coefficientOfVariation: number | null
  /** The plain 95 % interval of the mean (Student's t); `null` for n = 1. */
  readonly interval: MeanInterval | null
  readonly outliers: readonly Outlier[]
}

export interface MeanInterval {
  /** 0.95 */
  readonly level: number
  readonly lower: number
  readonly upper: number
  readonly halfWidth: number
}

/** A value far from the others. It is shown, and stays in every figure. */
export interface Outlier {
  /** From 1. */
  readonly repetition: number
  readonly value: number
  readonly modifiedZScore: number
}
