/** Measures the rounds of a plan, one after the other. */
import { setTimeout as delay } from 'node:timers/promises'
import { MeasurementError, describeError } from '../core/errors.ts'
import type { Mode, PathObservation } from '../dataplane/dataplane.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'
import type { Family } from '../machine/virtual-machine.ts'
import { flowInputs } from '../traffic/iperf3/flow-inputs.ts'
import { type Iperf3Flows, type Iperf3RawFlow, portsOf, runIperf3 } from '../traffic/iperf3/run.ts'
import { type AlignedFlows, alignFlows, runSeconds } from '../traffic/iperf3/window.ts'
import { kernelSockets, mssInUse } from '../traffic/kernel-sockets.ts'
import type { ServerEnd } from '../traffic/server-end.ts'
import { evidenceOf } from '../verdict/mode-evidence.ts'
import type { Sample } from '../verdict/sample.ts'
import { invalidReasons } from '../verdict/validity.ts'
import { type FlowPlan, type Round, gapSeconds, warmDownSeconds, warmUpSeconds } from './plan.ts'

/** Where the flows run. */
export interface FlowPath {
  readonly from: TrafficEnd
  readonly to: ServerEnd
  readonly address: string
  readonly family: Family
  /** What the sockets of one flow can hold at most. */
  readonly socketBufferBytes: number
  /** Aborted, with the reason, when the data plane between them goes away. */
  readonly lost?: AbortSignal | undefined
  /** How to see that the data plane works in its mode; absent where it was not deployed for this. */
  readonly evidence?:
    | {
        readonly mode: Mode
        /** Payload of a whole segment. */
        readonly segmentBytes: number
        readonly observe: () => Promise<PathObservation>
      }
    | undefined
}

export interface MeasureOptions {
  readonly runId: string
  readonly signal: AbortSignal
  /** Stores the outputs of a round, before it is judged. */
  readonly onRaw: (flowCount: number, round: number, raw: readonly Iperf3RawFlow[]) => Promise<void>
  readonly onRound: (round: Round) => Promise<void>
}

/**
 * Measures every round of every flow count; an invalid one does not end it.
 * @throws MeasurementError when a port is taken or the data plane went away; ConnectionError
 */
export async function measureFlows(
  path: FlowPath,
  plan: FlowPlan,
  options: MeasureOptions,
): Promise<Round[]> {
  const rounds: Round[] = []
  for (const flowCount of plan.flowCounts) {
    for (let number = 1; number <= plan.rounds; number++) {
      if (rounds.length > 0) await delay(gapSeconds * 1000, undefined, { signal: options.signal })
      const sample = await measureRound(path, plan, options, flowCount, number)
      const validity = { mode: path.evidence?.mode, profile: { onUnprovenMode: 'note' } } as const
      const reasons = invalidReasons(sample, validity)
      const round = { flowCount, round: number, sample, reasons }
      rounds.push(round)
      await options.onRound(round)
    }
  }
  return rounds
}

async function measureRound(
  path: FlowPath,
  plan: FlowPlan,
  options: MeasureOptions,
  flowCount: number,
  round: number,
): Promise<Sample> {
  const { mss } = plan
  const window = { warmUpSeconds, keptSeconds: plan.runSeconds, warmDownSeconds }
  const startedAt = new Date().toISOString()
  const flows: Iperf3Flows = {
    ...path,
    flows: flowCount,
    seconds: runSeconds(window),
    firstPort: plan.firstPort,
    runId: options.runId,
    load: { protocol: 'tcp', mss },
  }
  const signal = path.lost ? AbortSignal.any([options.signal, path.lost]) : options.signal
  const observation = await path.evidence?.observe()
  const { raw, sockets } = await runAndLook(flows, mss, signal).catch((error: unknown) => {
    options.signal.throwIfAborted()
    if (path.lost?.aborted) throw new MeasurementError(describeError(path.lost.reason), { cause: error })
    throw error
  })
  const software = await observation?.end()
  await options.onRaw(flowCount, round, raw)
  const aligned = alignFlows(flowInputs(raw, { from: path.from.name, to: path.to.name }), window)
  const seen = mss === undefined ? aligned : withMss(aligned, mss, portsOf(flows), sockets)
  const { evidence } = path
  return {
    repetition: round,
    startedAt,
    tool: seen.flows.map((flow) => flow.sender?.version).find(Boolean) ?? 'iperf3',
    flowsAsked: flowCount,
    mssAsked: mss,
    socketBufferBytes: path.socketBufferBytes,
    modeEvidence:
      evidence && software && evidenceOf(evidence.mode, software, seen.flows, evidence.segmentBytes),
    ...seen,
  }
}

type Sockets = Awaited<ReturnType<typeof kernelSockets>>

/** Runs the flows and, where a segment size was asked for, looks at the sender's sockets in the middle of it. */
async function runAndLook(
  flows: Iperf3Flows,
  mss: number | undefined,
  signal: AbortSignal,
): Promise<{ raw: Iperf3RawFlow[]; sockets: Sockets | undefined }> {
  if (mss === undefined) return { raw: await runIperf3(flows, signal), sockets: undefined }
  const over = new AbortController()
  const looking = kernelSockets(
    flows.from,
    portsOf(flows),
    flows.seconds / 2,
    AbortSignal.any([signal, over.signal]),
  ).catch((error: unknown) => {
    if (over.signal.aborted) return undefined // the flows ended before there was anything to see
    throw error
  })
  looking.catch(() => undefined) // awaited below
  try {
    const raw = await runIperf3(flows, signal)
    over.abort()
    return { raw, sockets: await looking }
  } finally {
    over.abort()
  }
}

/** A flow whose segments nobody saw is faulty: `-M` alone is no proof. */
function withMss(
  aligned: AlignedFlows,
  asked: number,
  ports: readonly number[],
  sockets: Sockets | undefined,
): AlignedFlows {
  const flows = aligned.flows.map((flow, index) => {
    const socket = sockets?.get(ports[index]!)
    if (socket) return { ...flow, mss: mssInUse(socket, asked) }
    if (flow.faults.length > 0) return flow
    // iperf3's own figure is the control connection's
    const { mss: _control, ...rest } = flow
    return { ...rest, faults: ['its connection was not seen, so its segment size is not known'] }
  })
  return { ...aligned, flows }
}
