/** What the fixture `traffic` measures beside TCP throughput, as suites ask for it. */
import type { ExpectedKeys, Measured, MeasuredMetric, MeasuredPath } from './metrics.ts'
import type { Throughput, ThroughputRequest } from './throughput.ts'

export interface Traffic {
  /**
   * Measures TCP throughput with iperf3, repeating until a verdict is decided.
   * @throws MeasurementError when the measurement is not valid
   */
  iperf3(request: ThroughputRequest): Promise<Throughput>
  /** TCP throughput where the receiver's side sends (`iperf3 -R`): the way back, from the same clients. */
  reverse(request: TcpRequest<'received'>): Promise<Measured<'received'>>
  /** TCP throughput of both ways at once: as many flows each way, two one-way sets side by side. */
  bothWays(request: TcpRequest<BothWaysFigure>): Promise<Measured<BothWaysFigure>>
  /** UDP at a rate: what arrives, what is lost, RFC 1889's jitter. */
  udp(request: UdpRequest): Promise<Measured<UdpFigure>>
  /** The highest UDP rate whose loss stays at or below a limit, found by halving. */
  udpLimit(request: UdpLimitRequest): Promise<Measured<'received'>>
  /** UDP as fast as it goes, for each size; the sizes are checked by what the NICs counted. */
  packetSizes(request: PacketSizesRequest): Promise<PacketSizeMeasurement[]>
  /** One message to and fro at a time (sockperf): TCP's or UDP's request/response latency. */
  latency(request: LatencyRequest): Promise<Measured<LatencyFigure>>
  /** Round trips of ping, first idle and then while TCP flows fill the way. */
  rttUnderLoad(request: TcpRequest<RttFigure>): Promise<Measured<RttFigure>>
  /**
   * Plants a fault while packets go every 5 ms, ends it, and tells how long none of them got through.
   * @throws MeasurementError when the path is not quiet before, or nothing gets through after
   */
  outage(request: OutageRequest): Promise<Measured<OutageFigure>>
}

/**
 * `outage`: from the first packet that was lost to the first that got through again. `recovery`: from the order to end the fault
 * to that packet. `lost`: packets that had no answer in time. `resolution`: how far the two times may be off at most.
 */
export type OutageFigure = 'outage' | 'recovery' | 'lost' | 'resolution'

export interface OutageRequest extends MeasuredPath, Expecting<OutageFigure> {
  /** What happens, for people: `link of vm1 out for 1 s`. */
  readonly event: string
  /** Plants the fault. What it changes is to be in the journal, as what the fixtures change is. */
  readonly fault: () => Promise<unknown>
  /** Ends it; run also when the test fails meanwhile. Default: it ends by itself. */
  readonly mend?: (() => Promise<unknown>) | undefined
  /** From the one to the other, in milliseconds. Default 1000. */
  readonly lastsMs?: number | undefined
  /** For traffic to come back after the end of the fault. Default 30 s. */
  readonly backWithinMs?: number | undefined
}

export type BothWaysFigure = 'forward' | 'reverse' | 'total'
export type UdpFigure = 'sent' | 'received' | 'loss' | 'jitter'
export type LatencyFigure = 'p50' | 'p90' | 'p99' | 'p999' | 'max' | 'transactions'
export type RttFigure =
  | 'idle p50'
  | 'idle p95'
  | 'idle p99'
  | 'idle max'
  | 'loaded p50'
  | 'loaded p95'
  | 'loaded p99'
  | 'loaded max'
  | 'loaded loss'
  | 'received'
export type PacketFigure = 'packets' | 'received' | 'loss'

interface Expecting<Name extends string> {
  /** By figure, the name of the config's expectation that decides when enough was repeated. */
  readonly expected?: ExpectedKeys<Name> | undefined
}

export interface TcpRequest<Name extends string> extends MeasuredPath, Expecting<Name> {
  /** Default: the config's `concurrent_flow_count`. */
  readonly flows?: number | undefined
}

export interface UdpRequest extends MeasuredPath, Expecting<UdpFigure> {
  /** Of all flows together. */
  readonly bitsPerSecond: number
  /** Default 1. */
  readonly flows?: number | undefined
  /** Of each datagram. Default: what a whole packet holds. */
  readonly payloadBytes?: number | undefined
}

export interface UdpLimitRequest extends MeasuredPath, Expecting<'received'> {
  /** The loss that is still good, a part of 1. Default 0.001. */
  readonly mostLoss?: number | undefined
  readonly payloadBytes?: number | undefined
}

export interface PacketSizesRequest extends MeasuredPath {
  /** Bytes of UDP payload. Default: 64, 128, … up to what a whole packet holds. */
  readonly payloadBytes?: readonly number[] | undefined
}

export interface PacketSizeMeasurement {
  readonly payloadBytes: number
  readonly metrics: Readonly<Record<PacketFigure, MeasuredMetric>>
}

export interface LatencyRequest extends MeasuredPath, Expecting<LatencyFigure> {
  /** Default `tcp`. */
  readonly transport?: 'tcp' | 'udp' | undefined
  /** Of request and response. Default 64. */
  readonly messageBytes?: number | undefined
}
