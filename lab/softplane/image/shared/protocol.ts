/**
 * What the client and the daemon say to each other: one HTTP POST with JSON on loopback, at the port where dpservice
 * has its gRPC server. The methods carry the names of dpservice's calls.
 */
import type { Status } from './status.ts'

export const defaultPort = 1337

export interface Request {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

/** `status` is the service's own word; `rpc` says that the request never got that far. */
export type Response =
  | { readonly status: Status; readonly result: Readonly<Record<string, unknown>> }
  | { readonly rpc: Status }

export interface InterfaceRequest {
  readonly id: string
  readonly vni: number
  readonly device: string
  readonly ipv4: string
  readonly ipv6: string
  /** The caller's wish for the underlay address; `::` leaves it to the service. */
  readonly underlay: string
  readonly hostname: string
  /** Mbit/s; 0: no limit. */
  readonly totalMeterRate: number
  readonly publicMeterRate: number
}

export interface InterfaceResult {
  readonly id: string
  readonly vni: number
  readonly device: string
  readonly ipv4: string
  readonly ipv6: string
  readonly underlayRoute: string
  /** The port's netdev. */
  readonly virtualFunction: string
  readonly nat?: NatResult | undefined
  readonly vip?: VirtualIpResult | undefined
}

export interface RouteRequest {
  readonly vni: number
  readonly prefix: string
  /** 0: the same as `vni`. */
  readonly nextHopVni: number
  readonly nextHopIp: string
}

export type RouteResult = Omit<RouteRequest, 'vni'>

/** `underlay` is in each request the caller's wish for the underlay address; `::` leaves it to the service. */
export interface NatRequest {
  readonly interfaceId: string
  readonly natIp: string
  readonly minPort: number
  /** The first port that is not used. */
  readonly maxPort: number
  readonly underlay: string
}

export interface NatResult extends Omit<NatRequest, 'underlay'> {
  readonly underlayRoute: string
  readonly vni: number
}

export interface NeighborNatRequest {
  readonly natIp: string
  readonly vni: number
  readonly minPort: number
  readonly maxPort: number
  readonly underlayRoute: string
}

export type NeighborNatResult = NeighborNatRequest

export interface VirtualIpRequest {
  readonly interfaceId: string
  readonly vip: string
  readonly underlay: string
}

export interface VirtualIpResult extends Omit<VirtualIpRequest, 'underlay'> {
  readonly underlayRoute: string
}

export interface PrefixRequest {
  readonly interfaceId: string
  readonly prefix: string
  readonly underlay: string
}

export interface PrefixResult {
  readonly prefix: string
  readonly underlayRoute: string
}

export interface LoadBalancerRequest {
  readonly id: string
  readonly vni: number
  readonly vip: string
  /** `protocol` by IP's number. */
  readonly ports: readonly { readonly protocol: number; readonly port: number }[]
  readonly underlay: string
}

export interface LoadBalancerResult extends Omit<LoadBalancerRequest, 'underlay'> {
  readonly underlayRoute: string
}

/** -1 stands for any port, type or code; a range without an end is one port. */
export type ProtocolFilter =
  | {
      readonly protocol: 'tcp' | 'udp'
      readonly sourcePorts: readonly [number, number]
      readonly destinationPorts: readonly [number, number]
    }
  | { readonly protocol: 'icmp'; readonly type: number; readonly code: number }

export interface FirewallRuleResult {
  readonly id: string
  readonly direction: 'ingress' | 'egress'
  readonly action: 'accept' | 'drop'
  /** Lower numbers go first. */
  readonly priority: number
  readonly source: string
  readonly destination: string
  /** None: any protocol. */
  readonly filter?: ProtocolFilter | undefined
}

export interface FirewallRuleRequest extends FirewallRuleResult {
  readonly interfaceId: string
}
