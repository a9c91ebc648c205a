/**
 * The standalone flow tool: throughput of TCP flows between two machines, over flow counts and rounds, without suites and
 * thresholds. It takes the place of dpservice's `hack/connectivity_test/flow_test.py` and keeps its options and columns.
 */
import type { Sample } from '../verdict/sample.ts'
import type { Reason } from '../verdict/verdict.ts'

/** What is measured, in the order of `flowCounts`. */
export interface FlowPlan {
  readonly flowCounts: readonly number[]
  /** The window that counts, in each round. */
  readonly runSeconds: number
  readonly rounds: number
  /** TCP's maximum segment size that is asked for; the kernel's own choice without it. */
  readonly mss?: number | undefined
  /** iperf3's ports are this one and the next. */
  readonly firstPort: number
}

/** Seconds before and after the window in which flows may begin and end apart. */
export const warmUpSeconds = 2
export const warmDownSeconds = 1
/** Seconds between two rounds. */
export const gapSeconds = 1

/** One round of one flow count. It has a figure when there is no reason against it. */
export interface Round {
  readonly flowCount: number
  /** From 1. */
  readonly round: number
  readonly sample: Sample
  readonly reasons: readonly Reason[]
}

/** What the receivers got inside the shared window; `undefined` when the round is invalid. */
export function bitsPerSecondOf({ sample, reasons }: Round): number | undefined {
  return sample.state === 'measured' && reasons.length === 0 ? sample.receiver.bitsPerSecond : undefined
}
