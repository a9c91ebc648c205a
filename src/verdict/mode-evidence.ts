/**
 * Whether the data plane worked in the mode that was asked for, from what its software path counted while the flows ran
 * (MEASUREMENT.md, "Mode evidence"). Pure arithmetic: who counted, and how, is the data plane's affair.
 */
import type { FlowSample, ModeEvidence } from './sample.ts'
import { formatCount, formatPercent } from './format.ts'

/** In `offload`, the most of the flows' packets that the software path may handle. */
const mostInOffload = 0.05
/** In `non-offload`, the least. */
const leastInNonOffload = 0.9
/** Fewer packets than this are lost among handshakes and what else the machines send. */
const fewestPackets = 1000

/** The modes that say which path packets take. */
export type PathMode = 'offload' | 'non-offload'

/** What the software path handled at one place of the flows' way. */
export interface HandledPackets {
  /** `taken from vm3 on hypervisor-2` */
  readonly place: string
  readonly packets: number
}

/** What was counted at each place, or why nothing was. */
export type CountedPackets =
  | { readonly state: 'counted'; readonly counts: readonly HandledPackets[] }
  | { readonly state: 'unknown'; readonly reason: string }

/** @param payloadBytes of a packet of the flows, where the tool does not tell it */
export function evidenceOf(
  mode: PathMode,
  software: CountedPackets,
  flows: readonly FlowSample[],
  payloadBytes: number,
): ModeEvidence {
  if (software.state === 'unknown') return { state: 'unknown', detail: software.reason }
  return judgeMode(mode, packetsOf(flows, payloadBytes), software.counts)
}

/** How many of `total` packets the software path handled, held against the mode. */
export function judgeMode(mode: PathMode, total: number, handled: readonly HandledPackets[]): ModeEvidence {
  if (handled.length === 0) return { state: 'unknown', detail: 'nothing was counted' }
  if (total < fewestPackets) {
    const detail = `the flows sent ${formatCount(total)} packets, and with fewer than ${formatCount(fewestPackets)} nothing shows`
    return { state: 'unknown', detail }
  }
  // segments that were sent again, and what the tool says beside its flows, are counted there too
  const shares = handled.map(({ packets }) => Math.min(1, packets / total))
  const softwareShare = mode === 'offload' ? Math.max(...shares) : Math.min(...shares)
  const held = mode === 'offload' ? softwareShare <= mostInOffload : softwareShare >= leastInNonOffload
  const limit =
    mode === 'offload'
      ? `${formatPercent(mostInOffload)} is the most`
      : `${formatPercent(leastInNonOffload)} is the least`
  const said = handled.map(
    ({ place, packets }, index) => `${formatPercent(shares[index]!)} ${place} (${formatCount(packets)})`,
  )
  const detail = `of ${formatCount(total)} packets the software path handled ${said.join(', ')}; ${limit}`
  return { state: held ? 'proven' : 'disproven', detail, softwareShare }
}

/**
 * The packets that carried what the receivers got: whole segments, as they are on the wire. Counted from bytes, because the
 * packets that an interface counts are larger ones where segmentation is offloaded.
 * @param otherwise the payload per segment where the tool does not tell it, in bytes
 */
export function packetsOf(flows: readonly FlowSample[], otherwise: number): number {
  const packets = flows.map(({ receiver, mss }) => {
    const bytes = receiver?.intervals.reduce((sum, [, , moved]) => sum + moved, 0) ?? 0
    return bytes / (mss ?? otherwise)
  })
  return Math.round(packets.reduce((sum, each) => sum + each, 0))
}
