/**
 * Reads what iperf 2 prints with `-y C` (recorded from 2.1.8): a line per connection and interval, `time,address,port,address,
 * port,id,from-to,bytes,bits per second`, and at a connection's end one for the whole of it. A server's lines are those of
 * all its connections. Which of the two endpoints stands first differs between versions, so the ports tell.
 */
import type { Endpoint, Iperf3Interval, Iperf3Output } from '../iperf3/parse.ts'

/** One connection as one end saw it. */
export interface Iperf2Connection {
  readonly client: Endpoint
  readonly server: Endpoint
  readonly intervals: readonly Iperf3Interval[]
}

const line = /^[\d.+:TZ-]+,([^,]+),(\d+),([^,]+),(\d+),(-?\d+),(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?),(\d+),\d+/

/** What may lie between two intervals, as they are printed. */
const toleratedGapSeconds = 0.25

/** The connections to `serverPort`, in the order in which they first appear. Lines of other forms are passed over. */
export function parseIperf2(text: string, serverPort: number): Iperf2Connection[] {
  const found = new Map<string, { client: Endpoint; server: Endpoint; intervals: Iperf3Interval[] }>()
  for (const each of text.split('\n')) {
    const [, address, port, otherAddress, otherPort, , from, to, bytes] = line.exec(each.trim()) ?? []
    if (bytes === undefined) continue
    const ends = [
      { host: address!, port: Number(port) },
      { host: otherAddress!, port: Number(otherPort) },
    ] as const
    const [client, server] = ends[1].port === serverPort ? ends : ends.toReversed()
    if (!client || server?.port !== serverPort) continue
    const known = found.get(`${client.host} ${client.port}`) ?? { client, server, intervals: [] }
    found.set(`${client.host} ${client.port}`, known)
    const interval = { startSeconds: Number(from), endSeconds: Number(to), bytes: Number(bytes) }
    const reached = known.intervals.at(-1)?.endSeconds ?? 0
    // what begins again at 0 is the line for the whole connection
    if (reached > 0 && interval.startSeconds === 0) continue
    known.intervals.push({ ...interval, retransmits: undefined })
  }
  return [...found.values()]
}

export interface Iperf2End {
  readonly side: 'client' | 'server'
  /** Its first line about itself. */
  readonly version: string
  /** When the client was launched: iperf 2 stamps whole seconds of a clock whose zone it does not tell. */
  readonly launchedAtMs: number | undefined
  readonly seconds: number
}

/** One end of a connection in the terms of iperf3's, so that flows of both are aligned and judged in one way. */
export function endOf(connection: Iperf2Connection, end: Iperf2End): Iperf3Output {
  const { intervals, client, server } = connection
  const { side, version, launchedAtMs } = end
  const faults = [...(launchedAtMs === undefined ? ['its start is not known'] : []), ...gaps(intervals, end)]
  if (faults.length > 0 || launchedAtMs === undefined) return { state: 'faulty', faults, version }
  const bytes = intervals.reduce((sum, interval) => sum + interval.bytes, 0)
  const [local, remote] = side === 'client' ? [client, server] : [server, client]
  return {
    state: 'complete',
    run: {
      side,
      sending: side === 'client',
      version,
      startedAtMs: launchedAtMs,
      startPrecisionMs: 1,
      streams: 1,
      connections: [{ local, remote }],
      intervals,
      received: { bytes, bitsPerSecond: (bytes * 8) / end.seconds },
      controlMss: undefined,
      askedMss: undefined,
      pathMtu: undefined,
      cpuPercent: undefined,
      congestionControl: undefined,
    },
  }
}

function gaps(intervals: readonly Iperf3Interval[], { seconds }: Iperf2End): string[] {
  let reached = 0
  for (const { startSeconds, endSeconds } of intervals) {
    if (Math.abs(startSeconds - reached) > toleratedGapSeconds) {
      return [`no interval between second ${reached.toFixed(1)} and ${startSeconds.toFixed(1)}`]
    }
    reached = endSeconds
  }
  return reached < seconds - toleratedGapSeconds
    ? [`its intervals end after ${reached.toFixed(1)} of ${seconds} s`]
    : []
}
