/**
 * Samples: what one repetition of a measurement yielded, with its provenance, before anyone judges it. A traffic tool
 * makes them; this room reads them. Rates are bits per second, times are milliseconds since 1970.
 */

import type { MachineCounters } from './counters.ts'

/** One repetition. `unusable` when the flows gave no common window to sum in. */
export type Sample = SampleProvenance & (MeasuredFlows | UnusableFlows)

/** Where and how a sample came to be. */
export interface SampleProvenance {
  /** From 1. */
  readonly repetition: number
  /** ISO 8601, by the controller's clock. */
  readonly startedAt: string
  /** The traffic tool as it names itself, e.g. `iperf 3.12`. */
  readonly tool: string
  readonly flowsAsked: number
  /** Receivers among which something on the path chose for each flow: a load balancer's backends. */
  readonly backends?: readonly string[] | undefined
  /** The TCP payload per segment that was asked for, if it was; compared with what each flow saw. */
  readonly mssAsked?: number | undefined
  /** What the line could carry at most; absent where no line is crossed. */
  readonly ceiling?: Ceiling | undefined
  /** What the sockets of one flow can hold at most: the sender's `tcp_wmem` and the receiver's `tcp_rmem`, their maxima. */
  readonly socketBufferBytes?: number | undefined
  /** What restarted while measuring: containers, guests, services. */
  readonly restarts?: readonly Restart[] | undefined
  readonly disturbances?: readonly Disturbance[] | undefined
  /** Whether the data plane really worked in the mode that was asked for. */
  readonly modeEvidence?: ModeEvidence | undefined
  /** Of the guests and the hypervisors, over this repetition. */
  readonly counters?: readonly MachineCounters[] | undefined
  /** One sentence per machine that could not be counted on: which, and why. */
  readonly countersMissing?: readonly string[] | undefined
}

/** All flows were read, and summed inside the window that they share. */
export interface MeasuredFlows {
  readonly state: 'measured'
  readonly flows: readonly FlowSample[]
  readonly window: SharedWindow
  /** The result: what arrived inside the window, all flows together. */
  readonly receiver: Figure
  /** What was sent inside the same window. */
  readonly sender: Figure
  /** (sender − receiver) / sender; negative when more arrived than was sent inside the window. */
  readonly gap: number
}

/** No figure: a flow is faulty, or the flows never ran together. */
export interface UnusableFlows {
  readonly state: 'unusable'
  readonly flows: readonly FlowSample[]
  /** What was wrong beyond the faults of single flows. */
  readonly faults: readonly string[]
}

export interface Figure {
  readonly bytes: number
  readonly bitsPerSecond: number
}

/** The stretch of time in which every flow ran, as far as it was kept. */
export interface SharedWindow {
  readonly startMs: number
  readonly seconds: number
  /** What was asked for. */
  readonly keptSeconds: number
  /** `seconds / keptSeconds`: 1 when all flows ran through the whole of the window asked for. */
  readonly overlap: number
  /** How far the flows' starts may be off against each other, beside the time that a client takes to connect. */
  readonly startUncertaintyMs: number
}

/** One flow: one client process and its server. */
export interface FlowSample {
  /** Unique in its sample, e.g. `flow 1`. */
  readonly name: string
  /** Machine that sent. */
  readonly from: string
  /** Machine that received. */
  readonly to: string
  /** One sentence each; empty when the flow is sound. */
  readonly faults: readonly string[]
  readonly sender?: FlowSide | undefined
  readonly receiver?: FlowSide | undefined
  /** The TCP payload per segment as the kernel reported it, where the tool tells. */
  readonly mss?: number | undefined
  /** Bytes of the path MTU as the sender's kernel knew it. */
  readonly pathMtu?: number | undefined
  /** Segments sent again inside the window. */
  readonly retransmits?: number | undefined
  /** Of a UDP flow, inside the window: what should have arrived, what did not, and RFC 1889's jitter. */
  readonly datagrams?:
    | { readonly expected: number; readonly lost: number; readonly jitterMs: number }
    | undefined
}

/** What one end of a flow saw inside the window. */
export interface FlowSide {
  /** The traffic tool's version on this end. */
  readonly version: string
  readonly bytes: number
  readonly bitsPerSecond: number
  /** Seconds of the window that this end's intervals cover. */
  readonly coveredSeconds: number
  /** Intervals inside the window in which nothing moved: start and end in seconds from the flow's start. */
  readonly emptyIntervals: readonly (readonly [number, number])[]
  /** Of the machine, as the tool reports it, over the whole run. */
  readonly cpuPercent?: number | undefined
  /** Raw, over the whole run: start and end in seconds from the flow's start, bytes. */
  readonly intervals: readonly RawInterval[]
}

export type RawInterval = readonly [startSeconds: number, endSeconds: number, bytes: number]

/** The goodput that a line can carry at most, or why nobody knows it. */
export type Ceiling =
  | { readonly state: 'known'; readonly bitsPerSecond: number; readonly basis: string }
  | { readonly state: 'unknown'; readonly reason: string }

export interface Restart {
  readonly machine: string
  /** What restarted: `container dpservice`, `guest`, `iperf3 server`. */
  readonly what: string
  /** What was seen before and after. */
  readonly detail: string
}

/** What changed at a machine while it was measured, so that something else was measured than the path that was asked for. */
export interface Disturbance {
  readonly machine: string
  /** `the link of its data NIC eth1 went down and up while it was measured` */
  readonly detail: string
}

/** What counters say about the path that the packets took. */
export interface ModeEvidence {
  readonly state: 'proven' | 'disproven' | 'unknown'
  /** The counts, or why there are none. */
  readonly detail: string
  /** What of the flows' packets the software path handled, where it speaks most against the mode: a fraction. */
  readonly softwareShare?: number | undefined
}
