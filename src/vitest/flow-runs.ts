/** Runs of iperf3 beneath the figures beside throughput: from flows to samples. */
import { runSeconds, type WindowPlan, alignFlows } from '../traffic/iperf3/window.ts'
import { flowInputs, rawFiles } from '../traffic/iperf3/flow-inputs.ts'
import { type Direction, type Iperf3Load, runIperf3 } from '../traffic/iperf3/run.ts'
import { serversOn } from '../traffic/server-end.ts'
import type { Environment } from '../environment/environment.ts'
import type { PathObservation, SoftwarePackets } from '../dataplane/dataplane.ts'
import { tcpPayloadBytes } from '../verdict/ceiling.ts'
import { evidenceOf } from '../verdict/mode-evidence.ts'
import type { FlowSample, ModeEvidence, Sample } from '../verdict/sample.ts'
import type { MeasuredPath, RepetitionContext } from './metrics.ts'
import { modeOf } from './judging.ts'
import type { MeasureContext } from './throughput.ts'

export interface FlowRun {
  readonly environment: Environment
  readonly path: MeasuredPath
  readonly runId: string
  readonly window: WindowPlan
  /** Each way, where both are used. */
  readonly flows: number
  readonly load: Iperf3Load
  readonly direction?: Direction | undefined
  /** Of the raw outputs' files. */
  readonly name?: string | undefined
}

/** Runs once and stores what it wrote. @throws MeasurementError, ConnectionError */
export async function sampleFlows(run: FlowRun, repetition: RepetitionContext): Promise<Sample> {
  const { environment, path, runId, window, flows, load, direction, name = 'iperf3' } = run
  const { from, to, family } = path
  const startedAt = new Date().toISOString()
  const { address, signal, number, checked } = repetition
  const observation = await observeFlows(environment, run)
  const raw = await runIperf3(
    { from, to: serversOn(to), address, family, flows, seconds: runSeconds(window), runId, load, direction },
    signal,
  )
  const software = await observation.end()
  for (const [file, content] of rawFiles(raw, name)) await repetition.store(file, content)
  const protocol = load.protocol === 'udp' ? 'UDP' : 'TCP'
  const aligned = alignFlows(flowInputs(raw, { from: from.name, to: to.name }, protocol), window)
  return {
    repetition: number,
    startedAt,
    tool: aligned.flows.map((flow) => flow.sender?.version).find(Boolean) ?? 'iperf3',
    flowsAsked: direction === 'both' ? 2 * flows : flows,
    socketBufferBytes: checked.socketBufferBytes,
    modeEvidence: modeSeen(run, software, aligned.flows, checked.mtuBytes),
    ...aligned,
  }
}

/** Where both ways are used, the way there stands for both. */
function observeFlows({ dataplane }: Environment, { path, direction }: FlowRun): Promise<PathObservation> {
  const { from, to } = path
  return direction === 'reverse' ? dataplane.observePath(to, from) : dataplane.observePath(from, to)
}

/**
 * Of the packets that went the way that was observed. A data plane may offload segmentation alone, which TCP has and UDP's
 * datagrams have not: that they are seen in software is said, and does not make the figures invalid unless the site wants so.
 */
function modeSeen(
  { environment, path, load, direction }: FlowRun,
  software: SoftwarePackets,
  flows: readonly FlowSample[],
  mtuBytes: number,
): ModeEvidence | undefined {
  const mode = modeOf(environment)
  if (mode === undefined) return undefined
  const sender = direction === 'reverse' ? path.to.name : path.from.name
  const observed = flows.filter(({ from }) => from === sender)
  if (load.protocol === 'udp') {
    // what is lost on the way was sent all the same
    const sent = observed.map((flow) => ({ ...flow, receiver: flow.sender }))
    const evidence = evidenceOf(mode, software, sent, load.payloadBytes)
    return evidence.state === 'disproven' ? { ...evidence, state: 'unknown' } : evidence
  }
  return evidenceOf(mode, software, observed, tcpPayloadBytes({ mtu: mtuBytes, family: path.family }))
}

/** What arrived at `machine`, all flows together; NaN where nothing was measured, which is judged before it is read. */
export function receivedAt(sample: Sample, machine: string): number {
  if (sample.state !== 'measured') return Number.NaN
  return sample.flows
    .filter((flow) => flow.to === machine)
    .reduce((sum, flow) => sum + (flow.receiver?.bitsPerSecond ?? 0), 0)
}

export interface UdpFigures {
  readonly sent: number
  readonly received: number
  /** A part of 1. */
  readonly loss: number
  /** Seconds; the mean over the flows. */
  readonly jitter: number
  /** That arrived, per second. */
  readonly packets: number
}

/** NaN where nothing was measured. */
export function udpFigures(sample: Sample): UdpFigures {
  if (sample.state !== 'measured')
    return {
      sent: Number.NaN,
      received: Number.NaN,
      loss: Number.NaN,
      jitter: Number.NaN,
      packets: Number.NaN,
    }
  const counted = sample.flows.flatMap(({ datagrams }) => datagrams ?? [])
  const expected = counted.reduce((sum, each) => sum + each.expected, 0)
  const lost = counted.reduce((sum, each) => sum + each.lost, 0)
  return {
    sent: sample.sender.bitsPerSecond,
    received: sample.receiver.bitsPerSecond,
    loss: expected > 0 ? lost / expected : Number.NaN,
    jitter: counted.reduce((sum, each) => sum + each.jitterMs, 0) / counted.length / 1000,
    packets: (expected - lost) / sample.window.seconds,
  }
}

/** A UDP flow whose receiver counted no datagrams has no loss. */
export function udpFaults(sample: Sample): string[] {
  if (sample.state !== 'measured') return []
  return sample.flows
    .filter(({ datagrams }) => datagrams === undefined || datagrams.expected === 0)
    .map(({ name, to }) => `${name}: ${to} counted no datagrams`)
}

/** `udp ipv4 vm3 → vm1` */
export function named(what: string, { family, from, to }: MeasuredPath): string {
  return `${what} ${family} ${from.name} → ${to.name}`
}

/** IP's and UDP's headers. */
const headerBytes = { ipv4: 28, ipv6: 48 } as const

/** The UDP payload of a packet as large as the path's ends take it. */
export function wholePayload({ guests }: Environment, { from, to, family }: MeasuredPath): number {
  const mtus = [from, to].map(({ name }) => guests.get(name)?.mtu ?? Number.POSITIVE_INFINITY)
  return Math.min(...mtus) - headerBytes[family]
}

/** One UDP flow. `bitsPerSecond` 0 is as fast as it goes. */
export function udpRun(
  { run, environment }: MeasureContext,
  path: MeasuredPath,
  bitsPerSecond: number,
  payloadBytes = wholePayload(environment, path),
): FlowRun {
  const load = { protocol: 'udp', bitsPerSecond, payloadBytes } as const
  return { environment, path, runId: run.runId, window: run.config.measurement, flows: 1, load }
}
