/**
 * The objects that dpservice is given, as commands: how each is made, how it is taken back, and what the answer holds. Flags:
 * DPSERVICE.md of the design and `cli/dpservice-cli/docs/commands` of dpservice.
 */
import type { z } from 'zod'
import type { BalancedPort } from '../network-functions.ts'
import { envelope, underlayAnswer } from './answers.ts'

export interface ObjectSpec<Answer extends z.ZodType = z.ZodType> {
  /** For people and for the journal: `NAT 10.10.20.20 of vm3`. */
  readonly what: string
  readonly create: readonly string[]
  /** Kept in the journal as data. */
  readonly remove: readonly string[]
  readonly answer: Answer
}

export interface RouteSpec {
  readonly prefix: string
  readonly vni: number
  /** The underlay address that the prefix is reached by. */
  readonly nextHop: string
}

export function route({ prefix, vni, nextHop }: RouteSpec): ObjectSpec<typeof envelope> {
  const place = [`--prefix=${prefix}`, `--vni=${vni}`]
  return {
    what: `route ${prefix} (VNI ${vni})`,
    create: ['create', 'route', ...place, '--next-hop-vni=0', `--next-hop-ip=${nextHop}`],
    remove: ['delete', 'route', ...place],
    answer: envelope,
  }
}

export interface NatSpec {
  readonly interfaceId: string
  readonly ip: string
  readonly minPort: number
  /** The first port that is not used (dp_nat.c: the range has max − min ports). */
  readonly maxPort: number
}

export function nat({ interfaceId, ip, minPort, maxPort }: NatSpec): ObjectSpec<typeof underlayAnswer> {
  const place = `--interface-id=${interfaceId}`
  return {
    what: `NAT ${ip} of ${interfaceId}`,
    create: ['create', 'nat', place, `--nat-ip=${ip}`, `--minport=${minPort}`, `--maxport=${maxPort}`],
    remove: ['delete', 'nat', place],
    answer: underlayAnswer,
  }
}

export interface LoadBalancerSpec {
  readonly id: string
  readonly vni: number
  readonly vip: string
  readonly ports: readonly BalancedPort[]
}

export function loadBalancer({ id, vni, vip, ports }: LoadBalancerSpec): ObjectSpec<typeof underlayAnswer> {
  const list = ports.map(({ protocol, port }) => `${protocol}/${port}`).join(',')
  return {
    what: `load balancer ${id}`,
    create: ['create', 'loadbalancer', `--id=${id}`, `--vni=${vni}`, `--vip=${vip}`, `--lbports=${list}`],
    remove: ['delete', 'loadbalancer', `--id=${id}`],
    answer: underlayAnswer,
  }
}

/** Lets traffic to `prefix` reach an interface; the answer's underlay address is the load balancer's target. */
export function balancedPrefix(prefix: string, interfaceId: string): ObjectSpec<typeof underlayAnswer> {
  const place = [`--prefix=${prefix}`, `--interface-id=${interfaceId}`]
  return {
    what: `load balancer prefix ${prefix} of ${interfaceId}`,
    create: ['create', 'lbprefix', ...place],
    remove: ['delete', 'lbprefix', ...place],
    answer: underlayAnswer,
  }
}

export function balancerTarget(id: string, target: string): ObjectSpec<typeof envelope> {
  const place = [`--target-ip=${target}`, `--lb-id=${id}`]
  return {
    what: `target ${target} of the load balancer ${id}`,
    create: ['create', 'lbtarget', ...place],
    remove: ['delete', 'lbtarget', ...place],
    answer: envelope,
  }
}
