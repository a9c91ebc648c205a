/**
 * Aligns flows that ran side by side and sums them inside the window that all of them share. The average that a flow
 * reports of itself covers stretches in which other flows had not begun or had ended, so averages are never added up.
 *
 * Two clocks meet here, and are kept apart:
 * - *Between flows*, starts are compared by the clients' clocks: what iperf3 stamped, sharpened by the caller's own launch
 *   time, and moved by the caller's measured offset where clients are on different machines.
 * - *Between the two ends of one flow*, no clock is compared. Each end counts its intervals from its own start of the test,
 *   and these two moments are one exchange on the control connection apart: less than a round trip, where clocks of two
 *   guests may differ by seconds. So second 3 of the server's intervals is taken as second 3 of the client's.
 */
import type { Iperf3Output, Iperf3Run } from './parse.ts'
import { type Cut, type DatagramCut, cut, datagramsWithin, retransmitsWithin } from './cut.ts'

export interface FlowInput {
  /** Unique among the flows, e.g. `flow 1`. */
  readonly name: string
  /** Machine of the client. */
  readonly client: { readonly machine: string; readonly output: Iperf3Output }
  /** Machine of the server. */
  readonly server: { readonly machine: string; readonly output: Iperf3Output }
  /** When the client was launched by its machine's clock, epoch milliseconds (`date +%s%3N` just before it). */
  readonly launchedAtMs?: number | undefined
  /** Added to the client machine's clock to compare it with the other clients'. Default 0: they share a machine. */
  readonly clockOffsetMs?: number | undefined
}

/** Seconds; `measurement` of the config. */
export interface WindowPlan {
  readonly warmUpSeconds: number
  readonly keptSeconds: number
  readonly warmDownSeconds: number
}

export interface AlignedFlow {
  readonly name: string
  /** Machine that sent (the server's with `-R`). */
  readonly from: string
  readonly to: string
  readonly faults: readonly string[]
  readonly sender?: FlowEnd
  readonly receiver?: FlowEnd
  readonly mss?: number
  readonly pathMtu?: number
  readonly retransmits?: number
  /** Of a UDP flow. */
  readonly datagrams?: DatagramCut
}

export interface FlowEnd extends Cut {
  readonly version: string
  readonly cpuPercent?: number
  /** Raw: start and end in seconds from the flow's start, bytes. */
  readonly intervals: readonly (readonly [startSeconds: number, endSeconds: number, bytes: number])[]
}

/** Fits a `Sample` of src/verdict; the caller adds its provenance. */
export type AlignedFlows =
  | {
      readonly state: 'measured'
      readonly flows: readonly AlignedFlow[]
      readonly window: {
        readonly startMs: number
        readonly seconds: number
        readonly keptSeconds: number
        readonly overlap: number
        /** How far starts may be off against each other, beside the time that a client takes to connect. */
        readonly startUncertaintyMs: number
      }
      readonly receiver: { readonly bytes: number; readonly bitsPerSecond: number }
      readonly sender: { readonly bytes: number; readonly bitsPerSecond: number }
      readonly gap: number
    }
  | { readonly state: 'unusable'; readonly flows: readonly AlignedFlow[]; readonly faults: readonly string[] }

/** Seconds that a client has to run (`-t`). */
export function runSeconds({ warmUpSeconds, keptSeconds, warmDownSeconds }: WindowPlan): number {
  return warmUpSeconds + keptSeconds + warmDownSeconds
}

/**
 * Cuts every flow to the shared window and sums inside it. The window begins `warmUpSeconds` after the last flow's start
 * and lasts `keptSeconds`, or until the first flow ends: the warm-down is what flows may start apart without loss.
 * A faulty flow leaves no figure at all, for the sum of the others would be another measurement.
 */
export function alignFlows(inputs: readonly FlowInput[], plan: WindowPlan): AlignedFlows {
  const placed = inputs.map(place)
  const sound = placed.filter((flow) => flow.state === 'sound')
  const unusable = (...faults: string[]): AlignedFlows => ({
    state: 'unusable',
    flows: placed.map(describe),
    faults,
  })
  if (sound.length === 0 || sound.length < placed.length) return unusable()

  const lastStart = sound.reduce((a, b) => (b.startMs > a.startMs ? b : a))
  const firstEnd = sound.reduce((a, b) => (b.endMs < a.endMs ? b : a))
  const startMs = lastStart.startMs + plan.warmUpSeconds * 1000
  const endMs = Math.min(startMs + plan.keptSeconds * 1000, firstEnd.endMs)
  const seconds = (endMs - startMs) / 1000
  if (seconds <= 0) {
    const apart = ((lastStart.startMs - firstEnd.endMs) / 1000 + plan.warmUpSeconds).toFixed(1)
    const [late, early] = [lastStart.input.name, firstEnd.input.name]
    return unusable(
      `the flows share no window: warmed up, ${late} began ${apart} s after the end of ${early}`,
    )
  }
  const flows = sound.map((flow) => measure(flow, startMs, endMs))
  const receiver = total(flows, 'receiver', seconds)
  const sender = total(flows, 'sender', seconds)
  return {
    state: 'measured',
    flows,
    window: {
      startMs: Math.round(startMs),
      seconds,
      keptSeconds: plan.keptSeconds,
      overlap: seconds / plan.keptSeconds,
      startUncertaintyMs: Math.max(...sound.map((flow) => flow.uncertaintyMs)),
    },
    receiver,
    sender,
    gap: sender.bytes === 0 ? 0 : (sender.bytes - receiver.bytes) / sender.bytes,
  }
}

interface SoundFlow {
  readonly state: 'sound'
  readonly input: FlowInput
  readonly client: Iperf3Run
  readonly server: Iperf3Run
  readonly startMs: number
  readonly endMs: number
  readonly uncertaintyMs: number
}

type PlacedFlow =
  | SoundFlow
  | { readonly state: 'faulty'; readonly input: FlowInput; readonly faults: string[] }

function place(input: FlowInput): PlacedFlow {
  const { client, server } = input
  if (client.output.state === 'faulty' || server.output.state === 'faulty') {
    const faultsOf = (end: string, { machine, output }: FlowInput['client']): string[] =>
      output.state === 'faulty' ? output.faults.map((fault) => `${end} on ${machine}: ${fault}`) : []
    const [ofClient, ofServer] = [faultsOf('client', client), faultsOf('server', server)]
    const serverFirst = server.output.state === 'faulty' && server.output.killed === true
    const faults = serverFirst ? [...ofServer, ...ofClient] : [...ofClient, ...ofServer]
    return { state: 'faulty', input, faults }
  }
  const [clientRun, serverRun] = [client.output.run, server.output.run]
  if (clientRun.side !== 'client' || serverRun.side !== 'server' || clientRun.sending === serverRun.sending) {
    return { state: 'faulty', input, faults: ["the outputs are not a client's and its server's"] }
  }
  const { startMs, uncertaintyMs } = startOf(clientRun, input)
  const lastSecond = Math.min(lastEnd(clientRun), lastEnd(serverRun))
  const endMs = startMs + lastSecond * 1000
  return { state: 'sound', input, client: clientRun, server: serverRun, startMs, endMs, uncertaintyMs }
}

/**
 * iperf3's stamp is rounded down, so the start lies in [stamp, stamp + precision), and it lies after the launch. A launch
 * inside that range leaves only the time to connect unknown. One before it says that connecting took long, one after it
 * that it was read from another clock: then the range is all there is.
 */
function startOf(run: Iperf3Run, { launchedAtMs, clockOffsetMs = 0 }: FlowInput): StartTime {
  const { startedAtMs, startPrecisionMs } = run
  const inside =
    launchedAtMs !== undefined && launchedAtMs >= startedAtMs && launchedAtMs < startedAtMs + startPrecisionMs
  return inside
    ? { startMs: launchedAtMs + clockOffsetMs, uncertaintyMs: 0 }
    : { startMs: startedAtMs + clockOffsetMs, uncertaintyMs: startPrecisionMs }
}

interface StartTime {
  readonly startMs: number
  readonly uncertaintyMs: number
}

function measure(flow: SoundFlow, windowStartMs: number, windowEndMs: number): AlignedFlow {
  const from = (windowStartMs - flow.startMs) / 1000
  const to = (windowEndMs - flow.startMs) / 1000
  const end = (run: Iperf3Run): FlowEnd => ({
    version: run.version,
    ...cut(run.intervals, from, to),
    ...(run.cpuPercent !== undefined && { cpuPercent: run.cpuPercent }),
    intervals: run.intervals.map(
      ({ startSeconds, endSeconds, bytes }) => [startSeconds, endSeconds, bytes] as const,
    ),
  })
  const { client, server } = flow
  const [sending, receiving] = client.sending ? [client, server] : [server, client]
  const mss = client.askedMss === undefined ? client.controlMss : undefined
  const retransmits = retransmitsWithin(sending.intervals, from, to)
  const datagrams = datagramsWithin(receiving.intervals, from, to)
  return {
    ...describe(flow),
    sender: end(sending),
    receiver: end(receiving),
    ...(mss !== undefined && { mss }),
    ...(sending.pathMtu !== undefined && { pathMtu: sending.pathMtu }),
    ...(retransmits !== undefined && { retransmits }),
    ...(datagrams && { datagrams }),
  }
}

function describe(flow: PlacedFlow): AlignedFlow {
  const { name, client, server } = flow.input
  const reversed = flow.state === 'sound' && !flow.client.sending
  const [from, to] = reversed ? [server.machine, client.machine] : [client.machine, server.machine]
  return { name, from, to, faults: flow.state === 'faulty' ? flow.faults : [] }
}

function total(
  flows: readonly AlignedFlow[],
  end: 'sender' | 'receiver',
  seconds: number,
): { bytes: number; bitsPerSecond: number } {
  const bytes = flows.reduce((sum, flow) => sum + (flow[end]?.bytes ?? 0), 0)
  return { bytes, bitsPerSecond: (bytes * 8) / seconds }
}

function lastEnd(run: Iperf3Run): number {
  return run.intervals.at(-1)?.endSeconds ?? 0
}
