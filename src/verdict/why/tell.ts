/** What the rules have in common: a measured repetition, figures per GB, words. */
import type { Cause, MachineCounters } from '../counters.ts'
import type { MeasuredFlows, Sample } from '../sample.ts'
import type { JudgePlan } from '../verdict.ts'

export type Measured = Sample & MeasuredFlows
/** A likely cause is told once for all repetitions, with the figures of the one where it shows most. */
export type Rule = (samples: readonly Measured[], plan: Pick<JudgePlan, 'mode'>) => Cause[]

/** The counters of each machine, over the repetitions. */
export function machinesIn(
  samples: readonly Measured[],
): { readonly sample: Measured; readonly counters: MachineCounters }[][] {
  const all = samples.flatMap((sample) => (sample.counters ?? []).map((counters) => ({ sample, counters })))
  return [...Map.groupBy(all, ({ counters }) => `${counters.role} ${counters.machine}`).values()]
}

/** ` (beyond the limit in 3 of 5)`: in how many repetitions, where there was more than one. */
export function often(count: number, repetitions: number): string {
  return repetitions > 1 ? ` (beyond the limit in ${count} of ${repetitions})` : ''
}

export function perGb(count: number, bytes: number): number {
  return bytes > 0 ? count / (bytes / 1e9) : 0
}

export function worstOf<T>(list: readonly T[], by: (each: T) => number): T {
  return list.reduce((a, b) => (by(b) > by(a) ? b : a))
}
