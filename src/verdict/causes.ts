/**
 * "Why": likely causes of what was measured, each found by a rule with a limit (MEASUREMENT.md, "Why"; docs/counters.md has where
 * the limits come from). They stand beside a verdict and change nothing about it. Pure.
 */
import type { Cause } from './counters.ts'
import type { Sample } from './sample.ts'
import type { JudgePlan } from './verdict.ts'
import { ceilingReached, retransmits, smallSegments, softwarePathBusy } from './why/flows.ts'
import { coreBusy, nicDrops, oneThread } from './why/machines.ts'
import type { Rule } from './why/tell.ts'

const rules: readonly Rule[] = [
  ceilingReached,
  coreBusy,
  oneThread,
  retransmits,
  nicDrops,
  smallSegments,
  softwarePathBusy,
]

/** All causes that the rules find, in the order of the rules; a sample without a figure tells none. */
export function causesOf(samples: readonly Sample[], plan: Pick<JudgePlan, 'mode'>): Cause[] {
  const measured = samples.filter((sample) => sample.state === 'measured')
  return measured.length === 0 ? [] : rules.flatMap((rule) => rule(measured, plan))
}
