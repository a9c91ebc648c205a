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
}

export interface RouteRequest {
  readonly vni: number
  readonly prefix: string
  /** 0: the same as `vni`. */
  readonly nextHopVni: number
  readonly nextHopIp: string
}

export type RouteResult = Omit<RouteRequest, 'vni'>
