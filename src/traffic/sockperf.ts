/**
 * Request/response latency by sockperf: one message to and fro at a time, over one TCP connection or UDP. iperf3 has no
 * such test and netperf, which has, is not free software in Debian's sense; sockperf is packaged, keeps a histogram of
 * every transaction, and has a server that can be seen listening.
 */
import { stripVTControlCharacters } from 'node:util'
import { MeasurementError } from '../core/errors.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'
import { outputsOf, processesScript, processesStep } from './processes.ts'
import type { ServerEnd } from './server-end.ts'

export interface LatencyOptions {
  readonly from: TrafficEnd
  readonly to: ServerEnd
  readonly address: string
  readonly transport: 'tcp' | 'udp'
  /** Of each request and of each response. */
  readonly messageBytes: number
  readonly seconds: number
  readonly port: number
  readonly runId: string
}

export interface Latency {
  readonly transactionsPerSecond: number
  /** Seconds for the way to and fro. */
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  /** Requests without a response. */
  readonly dropped: number
}

const clientMarginMs = 30_000

/** sockperf's own. Not iperf3's: its closed connections hold their port for a minute, and sockperf does not take it then. */
export const sockperfPort = 11_111

/** @throws MeasurementError when sockperf is not installed, or told no figures; WaitError; ConnectionError */
export async function measureLatency(
  options: LatencyOptions,
  signal: AbortSignal,
): Promise<{ readonly latency: Latency; readonly text: string }> {
  const { from, to, address, transport, messageBytes, seconds, port, runId } = options
  const where = ['-i', address, '-p', String(port), ...(transport === 'tcp' ? ['--tcp'] : [])]
  const any = address.includes(':') ? '::' : '0.0.0.0'
  const server = ['sockperf', 'server', '-i', any, ...where.slice(2)]
  const totalMs = seconds * 1000 + clientMarginMs
  const order = {
    tool: 'sockperf',
    commands: [{ port, argv: server }],
    transport,
    deadlineMs: totalMs + 60_000,
    runId,
  }
  const serving = await to.serve(order, signal)
  try {
    const size = ['-m', String(messageBytes), '-t', String(seconds)]
    const client = { port, argv: ['sockperf', 'ping-pong', ...where, ...size, '--full-rtt'] }
    const result = await from.ssh.tryRun(processesScript([client], runId), {
      timeoutMs: totalMs,
      signal,
      as: processesStep([client]),
    })
    signal.throwIfAborted()
    const { stdout, stderr, exitCode } = outputsOf(result, [port]).get(port)!
    const latency = parseSockperf(stdout)
    if (exitCode === 0 && latency) return { latency, text: stdout }
    throw new MeasurementError(
      `${from.name}: sockperf told no latency (exit status ${exitCode ?? 'unknown'}): ${firstWords(stderr, stdout)}`,
    )
  } finally {
    await serving.stop() // a server of sockperf ends by being ended
  }
}

/** Reads what `sockperf ping-pong --full-rtt` prints; `undefined` where the figures are missing. */
export function parseSockperf(text: string): Latency | undefined {
  const plain = stripVTControlCharacters(text)
  const percentile = (share: string): number =>
    Number(new RegExp(`percentile ${share}\\s*=\\s*([\\d.]+)`).exec(plain)?.[1] ?? Number.NaN) / 1e6
  const [, seconds, count] =
    /\[Valid Duration\] RunTime=(\d+(?:\.\d+)?) sec;.*ReceivedMessages=(\d+)/.exec(plain) ?? []
  const max = /<MAX> observation\s*=\s*(\d+(?:\.\d+)?)/.exec(plain)?.[1]
  const dropped = /# dropped messages\s*=\s*(\d+)/.exec(plain)?.[1]
  const latency = {
    transactionsPerSecond: Number(count ?? Number.NaN) / Number(seconds ?? Number.NaN),
    p50: percentile('50\\.000'),
    p90: percentile('90\\.000'),
    p99: percentile('99\\.000'),
    p999: percentile('99\\.900'),
    max: Number(max ?? Number.NaN) / 1e6,
    dropped: Number(dropped ?? Number.NaN),
  }
  return Object.values(latency).every(Number.isFinite) ? latency : undefined
}

function firstWords(...texts: readonly string[]): string {
  const said = texts.map((text) =>
    text
      .trim()
      .split('\n')
      .find((line) => /error|not found|fail/i.test(line)),
  )
  return (
    said.find((each) => each !== undefined)?.trim() ??
    (texts.map((text) => text.trim()).find(Boolean) ?? 'no output').slice(0, 300)
  )
}
