/** Causes that the flows themselves show: segments sent again, small segments, a full line, packets on the wrong path. */
import { bytesOfRun, guestCounters } from './busy-cores.ts'
import type { Cause } from '../counters.ts'
import { formatCount, formatGbit, formatPercent } from '../format.ts'
import { describeFlow } from '../validity.ts'
import type { JudgePlan } from '../verdict.ts'
import { type Measured, often, perGb, worstOf } from './tell.ts'

/**
 * Of segments of 1448 bytes 690,000 make a GB, so this is a loss of 1.4 in 10,000. By Mathis et al. (1997), 1.22 · MSS / (RTT ·
 * √loss), that bounds a flow to 12 Gbit/s at a round trip of 0.1 ms: fewer cannot be what holds back a flow of 10 Gbit/s.
 */
const mostRetransmitsPerGb = 100
/** A figure this near to the ceiling is the line's. */
const ceilingShare = 0.95
/** Of what the path's MTU would let a segment carry, with room for options that are rarely there. */
const leastSegmentShare = 0.95
/** IPv6's and TCP's headers and the timestamps: the most that usual segments lose of a packet. */
const mostHeaderBytes = 72
/**
 * In the lab software took 6 times as long for a packet as offload, so 1 in 100 of them costs 5 % of the throughput. From 5 in 100
 * on the mode is disproven.
 */
const mostSoftwareShare = 0.01

export function ceilingReached(samples: readonly Measured[]): Cause[] {
  const reached = samples.flatMap((sample) => {
    const { ceiling, receiver } = sample
    if (ceiling?.state !== 'known') return []
    const share = receiver.bitsPerSecond / ceiling.bitsPerSecond
    return share >= ceilingShare ? [{ sample, ceiling, share }] : []
  })
  if (reached.length === 0) return []
  const { sample, ceiling, share } = worstOf(reached, (each) => each.share)
  const message =
    `${formatGbit(sample.receiver.bitsPerSecond)} Gbit/s in repetition ${sample.repetition} is ${formatPercent(share)} of what the` +
    ` line carries${often(reached.length, samples.length)}: ${formatGbit(ceiling.bitsPerSecond)} Gbit/s, ${ceiling.basis}`
  return [{ rule: 'ceiling-reached', message }]
}

export function retransmits(samples: readonly Measured[]): Cause[] {
  const counted = samples.flatMap((sample) => {
    const told = sample.flows.filter((flow) => flow.retransmits !== undefined)
    const count = told.reduce((sum, flow) => sum + flow.retransmits!, 0)
    const bytes = told.reduce((sum, flow) => sum + (flow.receiver?.bytes ?? 0), 0)
    if (told.length > 0)
      return [{ sample, perGb: perGb(count, bytes), place: worstOf(told, (flow) => flow.retransmits!) }]
    // a tool that does not tell them: the sender's kernel does, over the whole run
    const sender = guestCounters(sample, sample.flows[0]?.from ?? '')
    return sender?.tcp
      ? [
          {
            sample,
            perGb: perGb(sender.tcp.segmentsRetransmitted, bytesOfRun(sample)),
            place: sample.flows[0]!,
          },
        ]
      : []
  })
  const above = counted.filter((each) => each.perGb > mostRetransmitsPerGb)
  if (above.length === 0) return []
  const { sample, perGb: worst, place } = worstOf(above, (each) => each.perGb)
  const message =
    `${formatCount(worst)} segments per GB were sent again in repetition ${sample.repetition}` +
    `${often(above.length, samples.length)}, most of them in ${describeFlow(place)}: packets are lost or overtaken` +
    ` on the way (up to ${mostRetransmitsPerGb} per GB hold back no flow of 10 Gbit/s)`
  return [{ rule: 'retransmits', message, machine: place.from }]
}

/** Segments smaller than the path would take, where nobody asked for them. */
export function smallSegments(samples: readonly Measured[]): Cause[] {
  const small = samples
    .filter(({ mssAsked }) => mssAsked === undefined)
    .flatMap((sample) => sample.flows.map((flow) => ({ sample, flow })))
    .filter(
      ({ flow: { mss, pathMtu } }) =>
        mss !== undefined && pathMtu !== undefined && mss < leastSegmentShare * (pathMtu - mostHeaderBytes),
    )
  if (small.length === 0) return []
  const { sample, flow } = worstOf(small, ({ flow: { mss = 0, pathMtu = 0 } }) => pathMtu - mss)
  const message =
    `segments of ${describeFlow(flow)} carried ${flow.mss} B in repetition ${sample.repetition}, and its path takes packets of` +
    ` ${flow.pathMtu} B: look for a smaller MTU at the other end, or something on the way that clamps the MSS`
  return [{ rule: 'mss', message, machine: flow.from }]
}

export function softwarePathBusy(samples: readonly Measured[], { mode }: Pick<JudgePlan, 'mode'>): Cause[] {
  if (mode !== 'offload') return []
  const busy = samples.flatMap((sample) => {
    const { state, softwareShare: share } = sample.modeEvidence ?? {}
    // a disproven mode is a reason already, and this would only say it again
    return state !== 'disproven' && share !== undefined && share >= mostSoftwareShare
      ? [{ sample, share }]
      : []
  })
  if (busy.length === 0) return []
  const { sample, share } = worstOf(busy, (each) => each.share)
  const message =
    `the software path handled ${formatPercent(share)} of the packets in repetition ${sample.repetition}, though offload is on` +
    `${often(busy.length, samples.length)}: ${sample.modeEvidence!.detail}`
  return [{ rule: 'software-path-busy', message }]
}
