/** Load balancers and their targets. A connection's target follows from its addresses and ports, so every node chooses alike. */
import { formatAddress, parseAddress } from '../shared/addresses.ts'
import type { LoadBalancerRequest, LoadBalancerResult } from '../shared/protocol.ts'
import { RpcError, ServiceError } from '../shared/status.ts'
import { put, putClaimed, take, type LoadBalancer, type Site } from './site.ts'

/** IP's numbers of TCP and UDP. */
const protocols = [6, 17]
/** dpservice's own limits (dp_lb.c). */
const mostPorts = 16
const mostTargets = 64

export async function createLoadBalancer(
  site: Site,
  request: LoadBalancerRequest,
): Promise<LoadBalancerResult> {
  const { id, vni, ports } = request
  const ip = parseAddress(request.vip)
  if (!ip) throw new ServiceError('BAD_IPVER')
  for (const { protocol, port } of ports) {
    if (protocols.includes(protocol) && port >= 1 && port <= 65535) continue
    throw new RpcError('INVALID_ARGUMENT', `a load balancer has no port ${port} of protocol ${protocol}`)
  }
  if (ports.length > mostPorts) throw new ServiceError('LIMIT_REACHED')
  if (find(site, id)) throw new ServiceError('ALREADY_EXISTS')
  const { loadBalancers } = site.functions(vni)
  const text = formatAddress(ip)
  if ([...loadBalancers.values()].some((other) => formatAddress(other.ip) === text))
    throw new ServiceError('ALREADY_EXISTS')
  const made = await putClaimed(site, vni, request.underlay, {
    map: loadBalancers,
    key: id,
    make: (underlay) => ({ id, vni, ip, ports, underlay, targets: new Map() }),
  })
  return describe(made)
}

export async function deleteLoadBalancer(site: Site, id: string): Promise<void> {
  const found = find(site, id)
  if (!found) throw new ServiceError('NOT_FOUND')
  await take(site, found.vni, site.functions(found.vni).loadBalancers, id)
}

export function getLoadBalancer(site: Site, id: string): LoadBalancerResult {
  const found = find(site, id)
  if (!found) throw new ServiceError('NOT_FOUND')
  return describe(found)
}

export function listLoadBalancers(site: Site): LoadBalancerResult[] {
  return site.all().flatMap(({ loadBalancers }) => [...loadBalancers.values()].map(describe))
}

export async function createTarget(site: Site, id: string, targetIp: string): Promise<void> {
  const { vni, targets } = requireBalancer(site, id)
  const target = parseAddress(targetIp)
  if (target?.family !== 6) throw new ServiceError('BAD_IPVER')
  const key = formatAddress(target)
  if (targets.has(key)) throw new ServiceError('ALREADY_EXISTS')
  if (targets.size >= mostTargets) throw new ServiceError('LB_BACKEND_ADD')
  await put(site, vni, targets, key, target)
}

export async function deleteTarget(site: Site, id: string, targetIp: string): Promise<void> {
  const { vni, targets } = requireBalancer(site, id)
  const target = parseAddress(targetIp)
  if (targets.size === 0) throw new ServiceError('NO_BACKIP')
  if (!target || !targets.delete(formatAddress(target))) throw new ServiceError('LB_BACKEND_DELETE')
  await site.apply(vni)
}

export function listTargets(site: Site, id: string): string[] {
  return [...requireBalancer(site, id).targets.keys()]
}

function find(site: Site, id: string): LoadBalancer | undefined {
  for (const { loadBalancers } of site.all()) {
    const found = loadBalancers.get(id)
    if (found) return found
  }
  return undefined
}

function requireBalancer(site: Site, id: string): LoadBalancer {
  const found = find(site, id)
  if (!found) throw new ServiceError('NO_LB')
  return found
}

function describe({ id, vni, ip, ports, underlay }: LoadBalancer): LoadBalancerResult {
  return { id, vni, vip: formatAddress(ip), ports, underlayRoute: formatAddress(underlay) }
}
