/**
 * Reads what `iperf3 -J` printed on one end of a flow (3.7 to 3.21). Tolerant in reading, strict in judging: whatever is
 * legible is returned, and only a run without a single fault is `complete`. The exit status proves nothing: 3.11 and 3.12
 * end with 0 when they could not connect.
 */
import { excerpt, findJson } from './json-text.ts'
import { outputSchema, type RawInterval, type RawOutput } from './output-schema.ts'

/** One end's view of one flow. */
export type Iperf3Output =
  | { readonly state: 'complete'; readonly run: Iperf3Run }
  | {
      readonly state: 'faulty'
      readonly faults: readonly string[]
      readonly version: string | undefined
      /** Somebody killed the process: what the other end says follows from it. */
      readonly killed?: boolean
    }

export interface Iperf3Run {
  readonly side: 'client' | 'server'
  /** Whether this end sent the data: the client, unless it ran with `-R`. */
  readonly sending: boolean
  /** `iperf 3.12` */
  readonly version: string
  /** The test's start by this machine's clock, epoch milliseconds, rounded down to `startPrecisionMs`. */
  readonly startedAtMs: number
  /** 1 from 3.20 on (`timemillisecs`, esnet/iperf pull request 1846), 1000 before. */
  readonly startPrecisionMs: number
  readonly streams: number
  /** Both ends of each stream's connection, as this end sees them. */
  readonly connections: readonly Connection[]
  /** All streams summed. Gapless from 0 to the end of the run. */
  readonly intervals: readonly Iperf3Interval[]
  /** Of the data's receiver over the whole run, as both ends agreed on. For reference: windows are cut from intervals. */
  readonly received: { readonly bytes: number; readonly bitsPerSecond: number }
  /** The kernel's MSS of the control connection; it says nothing when `-M` was given. */
  readonly controlMss: number | undefined
  /** What `-M` asked for. iperf3 echoes it as `tcp_mss`; it is no proof that the kernel uses it. */
  readonly askedMss: number | undefined
  readonly pathMtu: number | undefined
  /** Of this machine, over the whole run, in percent of one core. */
  readonly cpuPercent: number | undefined
  readonly congestionControl: string | undefined
}

export interface Connection {
  readonly local: Endpoint
  readonly remote: Endpoint
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface Iperf3Interval {
  /** Seconds since the test's start on this end. */
  readonly startSeconds: number
  readonly endSeconds: number
  readonly bytes: number
  /** Sending end on Linux only. */
  readonly retransmits: number | undefined
  /** Of a UDP flow. */
  readonly datagrams?: Datagrams | undefined
}

export interface Datagrams {
  /** On the sending end what was sent; on the receiving end what should have arrived, counted by their numbers. */
  readonly count: number
  /** Receiving end only. */
  readonly lost?: number | undefined
  /** Receiving end only: RFC 1889's mean of the differences in transit time. */
  readonly jitterMs?: number | undefined
}

export type Protocol = 'TCP' | 'UDP'

/** Between two intervals, or at the end of a run: more than the slips of iperf3's one-second timer. */
const toleratedGapSeconds = 0.25

/** Reads one output. Never throws: every trouble is a fault, in words that can stand after "flow 1 (vm3 → vm1): ". */
export function parseIperf3(text: string, protocol: Protocol = 'TCP'): Iperf3Output {
  const json = findJson(text)
  if (json.state === 'none') return faulty([json.problem])
  const parsed = outputSchema.safeParse(json.document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return faulty([`its JSON is not iperf3's: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`])
  }
  const output = parsed.data
  const faults = [
    ...(output.error === undefined ? [] : [`iperf3 reported: ${output.error}`]),
    ...(json.before ? [`text before the JSON: ${excerpt(json.before)}`] : []),
    ...(json.after ? [`text after the JSON: ${excerpt(json.after)}`] : []),
  ]
  // When iperf3 says itself what went wrong, the parts that are missing because of it are not news.
  if (output.error === undefined) faults.push(...missingParts(output, protocol))
  const run = faults.length === 0 ? toRun(output) : undefined
  return run ? { state: 'complete', run } : faulty(faults, output.start?.version)
}

function faulty(faults: readonly string[], version?: string): Iperf3Output {
  return { state: 'faulty', faults, version }
}

function missingParts({ start, intervals, end }: RawOutput, protocol: Protocol): string[] {
  const faults: string[] = []
  if (!start?.test_start || !start.timestamp) faults.push('the test never started')
  if (start?.test_start?.bidir) faults.push('a bidirectional run (--bidir) is not read')
  if (start?.test_start && start.test_start.protocol !== protocol)
    faults.push(`not ${protocol}: ${start.test_start.protocol}`)
  if (!end?.sum_received) faults.push('end.sum_received is missing')
  if (intervals.length === 0) faults.push('it reported no interval')
  else faults.push(...intervalFaults(intervals.map(sumOf), start?.test_start?.duration ?? 0))
  return faults
}

function intervalFaults(sums: readonly (RawInterval | undefined)[], durationSeconds: number): string[] {
  let reached = 0
  for (const sum of sums) {
    if (!sum) return ['an interval has no figures']
    if (sum.omitted) return ['it ran with --omit, whose intervals cannot be placed: cut a window instead']
    if (sum.end < sum.start) return [`an interval runs backwards: ${sum.start} to ${sum.end} s`]
    if (Math.abs(sum.start - reached) > toleratedGapSeconds) {
      return [`no interval between second ${reached.toFixed(1)} and ${sum.start.toFixed(1)}`]
    }
    reached = sum.end
  }
  return reached < durationSeconds - toleratedGapSeconds
    ? [`its intervals end after ${reached.toFixed(1)} of ${durationSeconds} s`]
    : []
}

function toRun({ start, intervals, end }: RawOutput): Iperf3Run | undefined {
  const sums = intervals.flatMap((interval) => sumOf(interval) ?? [])
  if (!start?.timestamp || !start.test_start || !end?.sum_received) return undefined
  const { timesecs, timemillisecs } = start.timestamp
  const side = start.accepted_connection ? 'server' : 'client'
  const sendingSide = start.test_start.reverse ? 'server' : 'client'
  return {
    side,
    sending: sums[0]?.sender ?? side === sendingSide,
    version: start.version,
    startedAtMs: timemillisecs ?? timesecs * 1000,
    startPrecisionMs: timemillisecs === undefined ? 1000 : 1,
    streams: start.test_start.num_streams,
    connections: (start.connected ?? []).map((each) => ({
      local: { host: each.local_host, port: each.local_port },
      remote: { host: each.remote_host, port: each.remote_port },
    })),
    intervals: sums.map((sum) => ({
      startSeconds: sum.start,
      endSeconds: sum.end,
      bytes: sum.bytes,
      retransmits: sum.retransmits,
      ...(sum.packets !== undefined && { datagrams: datagramsOf(sum, sum.packets) }),
    })),
    received: { bytes: end.sum_received.bytes, bitsPerSecond: end.sum_received.bits_per_second },
    controlMss: start.tcp_mss_default || undefined, // the server prints 0
    askedMss: start.tcp_mss || undefined,
    pathMtu: intervals.flatMap(({ streams }) => streams.map((stream) => stream.pmtu)).find(Boolean),
    cpuPercent: end.cpu_utilization_percent?.host_total,
    congestionControl: end.sender_tcp_congestion ?? end.receiver_tcp_congestion,
  }
}

function datagramsOf({ lost_packets: lost, jitter_ms: jitterMs }: RawInterval, count: number): Datagrams {
  return { count, ...(lost !== undefined && { lost }), ...(jitterMs !== undefined && { jitterMs }) }
}

/** iperf3's own sum over the streams, or, where it printed none, ours. */
function sumOf({ sum, streams }: RawOutput['intervals'][number]): RawInterval | undefined {
  const [first] = streams
  if (sum || !first) return sum
  return {
    ...first,
    bytes: streams.reduce((total, stream) => total + stream.bytes, 0),
    retransmits: streams.some((stream) => stream.retransmits !== undefined)
      ? streams.reduce((total, stream) => total + (stream.retransmits ?? 0), 0)
      : undefined,
  }
}
