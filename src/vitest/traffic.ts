/** The fixture `traffic`: each measurement as a repetition of a tool, its figures, and their units. */
import { together } from '../core/together.ts'
import type { Environment } from '../environment/environment.ts'
import { interfaceCounters, wrongSize } from '../traffic/interface-counters.ts'
import { runSeconds } from '../traffic/iperf3/window.ts'
import { type Echo, pingFor } from '../traffic/ping.ts'
import { percentilesOf } from '../traffic/percentiles.ts'
import { serversOn } from '../traffic/server-end.ts'
import { measureLatency, sockperfPort } from '../traffic/sockperf.ts'
import { formatBound, formatFigure } from '../verdict/figure-format.ts'
import type { MetricUnit } from '../verdict/metric.ts'
import type { Sample } from '../verdict/sample.ts'
import {
  type FlowRun,
  named,
  receivedAt,
  sampleFlows,
  udpFaults,
  udpFigures,
  udpRun,
  wholePayload,
} from './flow-runs.ts'
import { type Measured, measureMetrics } from './metrics.ts'
import { measureOutage } from './outage.ts'
import { type MeasureContext, measureThroughput } from './throughput.ts'
import type {
  LatencyFigure,
  LatencyRequest,
  PacketFigure,
  PacketSizesRequest,
  RttFigure,
  TcpRequest,
  Traffic,
} from './traffic-requests.ts'
import { udpLimit } from './udp-limit.ts'

/** @param next the context of the test's next measurement */
export function trafficOf(environment: Environment, next: () => MeasureContext): Traffic {
  return {
    iperf3: (request) => measureThroughput(next(), request),
    reverse: (request) => {
      const context = next()
      const run = tcpRun(context, request)
      return measureMetrics(context, {
        name: named('iperf3 reverse', request),
        path: request,
        units: { received: 'bit/s' },
        expected: request.expected,
        async repeat(repetition) {
          const sample = await sampleFlows({ ...run, direction: 'reverse' }, repetition)
          return { samples: [sample], values: { received: receivedAt(sample, request.from.name) } }
        },
      })
    },
    bothWays: (request) => {
      const context = next()
      const run = tcpRun(context, request)
      return measureMetrics(context, {
        name: named('iperf3 both ways', request),
        path: request,
        units: { forward: 'bit/s', reverse: 'bit/s', total: 'bit/s' },
        expected: request.expected,
        async repeat(repetition) {
          const sample = await sampleFlows({ ...run, direction: 'both' }, repetition)
          const forward = receivedAt(sample, request.to.name)
          const reverse = receivedAt(sample, request.from.name)
          return { samples: [sample], values: { forward, reverse, total: forward + reverse } }
        },
      })
    },
    udp: (request) => {
      const context = next()
      const { bitsPerSecond, flows = 1, payloadBytes } = request
      return measureMetrics(context, {
        name: named(`udp at ${Number((bitsPerSecond / 1e6).toPrecision(4))} Mbit/s`, request),
        path: request,
        units: { sent: 'bit/s', received: 'bit/s', loss: 'fraction', jitter: 's' },
        expected: request.expected,
        async repeat(repetition) {
          const run = udpRun(context, request, bitsPerSecond / flows, payloadBytes)
          const sample = await sampleFlows({ ...run, flows }, repetition)
          const { sent, received, loss, jitter } = udpFigures(sample)
          const slow = sent < 0.95 * bitsPerSecond ? [tooSlow(sent, bitsPerSecond)] : []
          const values = { sent, received, loss, jitter }
          return { samples: [sample], values, faults: [...udpFaults(sample), ...slow] }
        },
      })
    },
    udpLimit: (request) => udpLimit(next(), request),
    packetSizes: async (request) => {
      await environment.locate([request.from, request.to], request.family)
      const sizes = []
      for (const payloadBytes of request.payloadBytes ?? sizesUpTo(wholePayload(environment, request))) {
        const { metrics } = await packetSize(next(), request, payloadBytes)
        sizes.push({ payloadBytes, metrics })
      }
      return sizes
    },
    latency: (request) => latency(next(), request),
    rttUnderLoad: (request) => rttUnderLoad(next(), request),
    outage: (request) => measureOutage(next(), request),
  }
}

function tcpRun<Name extends string>(
  { run, environment }: MeasureContext,
  request: TcpRequest<Name>,
): FlowRun {
  return {
    environment,
    path: request,
    runId: run.runId,
    window: run.config.measurement,
    flows: request.flows ?? run.config.concurrentFlowCount,
    load: { protocol: 'tcp' },
  }
}

function tooSlow(sent: number, asked: number): string {
  return (
    `${formatFigure(sent, null, 'bit/s')} were sent of the ${formatBound(asked, 'bit/s')} that were asked for: ` +
    'the sender is too slow, ask for less or for more flows'
  )
}

function sizesUpTo(most: number): number[] {
  const sizes = []
  for (let size = 64; size < most; size *= 2) sizes.push(size)
  return [...sizes, most]
}

function packetSize(
  context: MeasureContext,
  path: PacketSizesRequest,
  payloadBytes: number,
): Promise<Measured<PacketFigure>> {
  const { from, family } = path
  const nic = context.environment.guests.get(from.name)!.interface
  return measureMetrics(context, {
    name: named(`udp of ${payloadBytes} B`, path),
    path,
    units: { packets: 'packets/s', received: 'bit/s', loss: 'fraction' },
    async repeat(repetition) {
      const before = await interfaceCounters(from, nic)
      const sample = await sampleFlows(udpRun(context, path, 0, payloadBytes), repetition)
      const wrong = wrongSize(before, await interfaceCounters(from, nic), payloadBytes, family)
      const { packets, received, loss } = udpFigures(sample)
      const faults = [...udpFaults(sample), ...(wrong === undefined ? [] : [wrong])]
      return { samples: [sample], values: { packets, received, loss }, faults }
    },
  })
}

function latency(context: MeasureContext, request: LatencyRequest): Promise<Measured<LatencyFigure>> {
  const { from, to, transport = 'tcp', messageBytes = 64 } = request
  const { config, runId } = context.run
  return measureMetrics(context, {
    name: named(`sockperf ${transport} ${messageBytes} B`, request),
    path: request,
    units: { p50: 's', p90: 's', p99: 's', p999: 's', max: 's', transactions: 'transactions/s' },
    expected: request.expected,
    async repeat({ address, signal, store }) {
      const { keptSeconds: seconds } = config.measurement
      const order = {
        from,
        to: serversOn(to),
        address,
        transport,
        messageBytes,
        seconds,
        port: sockperfPort,
        runId,
      }
      const { latency: found, text } = await measureLatency(order, signal)
      await store('sockperf.txt', text)
      const { transactionsPerSecond: transactions, dropped, ...percentiles } = found
      const faults = dropped > 0 && transport === 'tcp' ? [`${dropped} requests had no response`] : []
      return { samples: [], values: { ...percentiles, transactions }, faults }
    },
  })
}

/** Two hundred round trips a second: small beside any load, and enough for a 99th percentile in a few seconds. */
const pingIntervalSeconds = 0.005
/** Fewer answers say nothing about a 99th percentile. */
const fewestEchoes = 100

function rttUnderLoad(context: MeasureContext, request: TcpRequest<RttFigure>): Promise<Measured<RttFigure>> {
  const { from, to } = request
  const run = tcpRun(context, request)
  return measureMetrics(context, {
    name: named('rtt under load', request),
    path: request,
    units: rttUnits,
    expected: request.expected,
    async repeat(repetition) {
      const { address, signal, store } = repetition
      const ping = (seconds: number): ReturnType<typeof pingFor> =>
        pingFor(from, { address, seconds, intervalSeconds: pingIntervalSeconds }, signal)
      const idle = await ping(run.window.keptSeconds)
      const [sample, loaded] = await together([
        sampleFlows(run, repetition),
        ping(runSeconds(run.window) + 1),
      ])
      await store('ping-idle.txt', idle.text)
      await store('ping-loaded.txt', loaded.text)
      const during = within(loaded.output.echoes, sample)
      const few = [idle.output.echoes.length, during.length].some((count) => count < fewestEchoes)
      if (few || sample.state !== 'measured') {
        const counted = `${idle.output.echoes.length} idle and ${during.length} loaded`
        const faults = few ? [`too few answers to ping: ${counted}, and ${fewestEchoes} are the least`] : []
        return { samples: [sample], values: nothing, faults }
      }
      const { sent, received } = loaded.output
      const values = {
        ...prefixed('idle', idle.output.echoes),
        ...prefixed('loaded', during),
        'loaded loss': (sent - received) / sent,
        received: receivedAt(sample, to.name),
      }
      return { samples: [sample], values }
    },
  })
}

const rttUnits = {
  'idle p50': 's',
  'idle p95': 's',
  'idle p99': 's',
  'idle max': 's',
  'loaded p50': 's',
  'loaded p95': 's',
  'loaded p99': 's',
  'loaded max': 's',
  'loaded loss': 'fraction',
  received: 'bit/s',
} as const satisfies Record<RttFigure, MetricUnit>

/** Of a repetition that is refused. */
const nothing = Object.fromEntries(Object.keys(rttUnits).map((figure) => [figure, Number.NaN])) as Record<
  RttFigure,
  number
>

/** Ping and the clients run on one machine, so its clock tells which answers came while all flows ran. */
function within(echoes: readonly Echo[], sample: Sample): Echo[] {
  if (sample.state !== 'measured') return []
  const { startMs, seconds } = sample.window
  return echoes.filter(({ atMs }) => atMs >= startMs && atMs <= startMs + seconds * 1000)
}

function prefixed<P extends 'idle' | 'loaded'>(
  prefix: P,
  echoes: readonly Echo[],
): Record<`${P} ${'p50' | 'p95' | 'p99' | 'max'}`, number> {
  const found = percentilesOf(
    echoes.map(({ rttSeconds }) => rttSeconds),
    `ping, ${prefix}`,
  )
  return Object.fromEntries(
    Object.entries(found).map(([name, value]) => [`${prefix} ${name}`, value]),
  ) as ReturnType<typeof prefixed<P>>
}
