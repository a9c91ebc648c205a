/**
 * Validity: the rules by which a sample measured nothing. Each rule is a function from a sample to its reasons; an
 * empty list means that the rule has nothing against it. Numbers: MEASUREMENT.md, "Verdict".
 */
import type { FlowSample, Sample } from './sample.ts'
import type { JudgePlan, Reason, ReasonRule } from './verdict.ts'
import { formatGbit, formatPercent } from './format.ts'

/** Flows that ran together for less of the window than this were not measured together. */
const leastOverlap = 0.95
/**
 * What the receiver may differ from the sender, beyond what lies in the sockets' buffers: a byte counts as sent when it is
 * written to one and as received when it is read from the other, so in a short or slow window the two counts are
 * apart by what the buffers took up meanwhile.
 */
const mostGap = 0.05
/** How far a figure may lie above the ceiling: what buffers hold back and hand over inside a window of seconds. */
const ceilingTolerance = 0.01
/** The part of the window that a flow's intervals may leave uncovered: rounding of the printed times. */
const uncoveredTolerance = 0.01

/** What validity asks of a plan: it needs no expectation. */
export type ValidityPlan = Pick<JudgePlan, 'mode'> & {
  readonly profile: Pick<JudgePlan['profile'], 'onUnprovenMode'>
}

type Rule = (sample: Sample, plan: ValidityPlan) => Reason[]

/** In the order in which they are told: a cause before what it makes the flows show. */
const rules: readonly Rule[] = [
  restarted,
  disturbed,
  flowsMissing,
  flowErrors,
  emptyIntervals,
  tooLittleOverlap,
  aboveCeiling,
  senderReceiverGap,
  mssNotAsAsked,
  modeNotProven,
]

/** Everything that makes the sample invalid, in the order of the rules. */
export function invalidReasons(sample: Sample, plan: ValidityPlan): Reason[] {
  return rules.flatMap((rule) => rule(sample, plan))
}

export function flowsMissing(sample: Sample): Reason[] {
  const { flows, flowsAsked } = sample
  if (flows.length === flowsAsked) return []
  const names = flows.map(describeFlow).join(', ') || 'none'
  const message = `${flowsAsked} flows were asked for and ${flows.length} reported: ${names}`
  return [reason('flow-missing', sample, message)]
}

/** A faulty flow, or flows that gave no common window. */
export function flowErrors(sample: Sample): Reason[] {
  const ofFlows = sample.flows.flatMap((flow) =>
    flow.faults.map((fault) => reason('flow-error', sample, `${describeFlow(flow)}: ${fault}`, flow)),
  )
  const ofSample = sample.state === 'unusable' ? sample.faults : []
  return [...ofFlows, ...ofSample.map((fault) => reason('flow-error', sample, fault))]
}

/** Nothing moved for an interval, or the tool did not report one. */
export function emptyIntervals(sample: Sample): Reason[] {
  if (sample.state === 'unusable') return []
  const { seconds } = sample.window
  return sample.flows.flatMap((flow) =>
    (['sender', 'receiver'] as const).flatMap((end) => {
      const side = flow[end]
      if (!side) return []
      const machine = end === 'sender' ? flow.from : flow.to
      const found = side.emptyIntervals.map(
        ([start, stop]) => `nothing moved between second ${start.toFixed(1)} and ${stop.toFixed(1)}`,
      )
      const uncovered = seconds - side.coveredSeconds
      if (uncovered > uncoveredTolerance * seconds) {
        found.push(`${uncovered.toFixed(1)} s of the window of ${seconds.toFixed(1)} s have no interval`)
      }
      return found.map((what) =>
        reason(
          'empty-interval',
          sample,
          `${describeFlow(flow)}, ${end} on ${machine}: ${what}`,
          flow,
          machine,
        ),
      )
    }),
  )
}

export function tooLittleOverlap(sample: Sample): Reason[] {
  if (sample.state === 'unusable' || sample.window.overlap >= leastOverlap) return []
  const { overlap, seconds, keptSeconds } = sample.window
  const message =
    `the flows ran together for ${seconds.toFixed(1)} s of the ${keptSeconds} s to be kept` +
    ` (${formatPercent(overlap)}, and ${formatPercent(leastOverlap)} is the least)`
  return [reason('overlap', sample, message)]
}

export function aboveCeiling(sample: Sample): Reason[] {
  const { ceiling } = sample
  if (sample.state === 'unusable' || ceiling?.state !== 'known') return []
  const measured = sample.receiver.bitsPerSecond
  if (measured <= ceiling.bitsPerSecond * (1 + ceilingTolerance)) return []
  const message =
    `${formatGbit(measured)} Gbit/s is more than the line carries:` +
    ` ${formatGbit(ceiling.bitsPerSecond)} Gbit/s, ${ceiling.basis}`
  return [reason('above-ceiling', sample, message)]
}

export function senderReceiverGap(sample: Sample): Reason[] {
  if (sample.state === 'unusable' || Math.abs(sample.gap) <= mostGap) return []
  const bytesApart = Math.abs(sample.gap) * sample.sender.bytes
  // What UDP loses is a figure of its own, not a fault of the measurement.
  if (sample.flows.some((flow) => flow.datagrams !== undefined)) return []
  if (bytesApart <= sample.flows.length * (sample.socketBufferBytes ?? 0)) return []
  const worst = sample.flows.reduce((a, b) => (gapOf(b) > gapOf(a) ? b : a))
  const message =
    `sent ${formatGbit(sample.sender.bitsPerSecond)} and received ${formatGbit(sample.receiver.bitsPerSecond)}` +
    ` Gbit/s differ by ${formatPercent(Math.abs(sample.gap))}, and ${formatPercent(mostGap)} is the most;` +
    ` furthest apart in ${describeFlow(worst)}`
  return [reason('sender-receiver-gap', sample, message, worst, worst.to)]
}

export function mssNotAsAsked(sample: Sample): Reason[] {
  const { mssAsked } = sample
  if (mssAsked === undefined) return []
  return sample.flows
    .filter((flow) => flow.mss !== undefined && flow.mss !== mssAsked)
    .map((flow) => {
      const message = `${describeFlow(flow)}: segments carry ${flow.mss} B, and ${mssAsked} B were asked for`
      return reason('mss', sample, message, flow, flow.from)
    })
}

export function restarted(sample: Sample): Reason[] {
  return (sample.restarts ?? []).map(({ machine, what, detail }) =>
    reason(
      'restarted',
      sample,
      `${what} on ${machine} restarted while measuring: ${detail}`,
      undefined,
      machine,
    ),
  )
}

/** A link that went down, a lease that changed. */
export function disturbed(sample: Sample): Reason[] {
  return (sample.disturbances ?? []).map(({ machine, detail }) =>
    reason('disturbed', sample, `${machine}: ${detail}`, undefined, machine),
  )
}

/** A disproven mode always counts; one that nobody could prove counts when the site says so. */
export function modeNotProven(sample: Sample, { mode, profile }: ValidityPlan): Reason[] {
  const evidence = sample.modeEvidence
  if (mode === undefined || evidence?.state === 'proven') return []
  if (evidence?.state !== 'disproven' && profile.onUnprovenMode === 'note') return []
  return [reason('mode-not-proven', sample, describeMode(sample, mode))]
}

/** `mode offload not proven: …` for a sample whose evidence is missing or speaks against it. */
export function describeMode({ modeEvidence }: Sample, mode: string): string {
  const verb = modeEvidence?.state === 'disproven' ? 'disproven' : 'not proven'
  return `mode ${mode} ${verb}: ${modeEvidence?.detail ?? 'nothing was counted'}`
}

/** `flow 2 (vm3 → vm1)` */
export function describeFlow({ name, from, to }: FlowSample): string {
  return `${name} (${from} → ${to})`
}

function gapOf({ sender, receiver }: FlowSample): number {
  return sender && receiver ? Math.abs(sender.bytes - receiver.bytes) / Math.max(sender.bytes, 1) : 0
}

function reason(
  rule: ReasonRule,
  { repetition }: Sample,
  message: string,
  flow?: FlowSample,
  machine?: string,
): Reason {
  return {
    rule,
    message: `repetition ${repetition}: ${message}`,
    repetition,
    ...(flow && { flow: flow.name }),
    ...(machine !== undefined && { machine }),
  }
}
