/** NAT of an interface, NAT of neighbours, and virtual IPs. IPv4 only, as in dpservice. */
import { formatAddress, parseAddress, type Address } from '../shared/addresses.ts'
import type {
  NatRequest,
  NatResult,
  NeighborNatRequest,
  NeighborNatResult,
  VirtualIpRequest,
  VirtualIpResult,
} from '../shared/protocol.ts'
import { RpcError, ServiceError } from '../shared/status.ts'
import { put, putClaimed, take, type Nat, type NeighborNat, type Site, type VirtualIp } from './site.ts'

export async function createNat(site: Site, request: NatRequest): Promise<NatResult> {
  const { interfaceId, minPort, maxPort } = request
  checkPorts(minPort, maxPort)
  const ip = requireIpv4(request.natIp)
  const guest = site.guest(interfaceId)
  const { nats } = site.functions(guest.vni)
  if (nats.has(interfaceId)) throw new ServiceError('SNAT_EXISTS')
  if (
    site
      .all()
      .some((vni) => overlaps([...vni.nats.values(), ...vni.neighborNats.values()], { ip, minPort, maxPort }))
  )
    throw new ServiceError('DNAT_EXISTS')
  const made = await putClaimed(site, guest.vni, request.underlay, {
    map: nats,
    key: interfaceId,
    make: (underlay) => ({ guest, ip, minPort, maxPort, underlay }),
  })
  return describe(made)
}

export async function deleteNat(site: Site, interfaceId: string): Promise<void> {
  const { guest, ip } = requireNat(site, interfaceId)
  await take(site, guest.vni, site.functions(guest.vni).nats, interfaceId)
  await site.forgetConnections(guest.vni, ip)
}

export function getNat(site: Site, interfaceId: string): NatResult {
  return describe(requireNat(site, interfaceId))
}

/** NATs with that address (`0.0.0.0`: any), of this hypervisor (`local`), of others (`neigh`), or both. */
export function listNats(site: Site, natIp: string, type: string): (NatResult | NeighborNatResult)[] {
  const wanted = requireIpv4(natIp)
  const fits = ({ ip }: { ip: string }): boolean => wanted === '0.0.0.0' || ip === wanted
  return site
    .all()
    .flatMap(({ nats, neighborNats, vni }) => [
      ...(type === 'neigh' ? [] : [...nats.values()].filter(fits).map(describe)),
      ...(type === 'local'
        ? []
        : [...neighborNats.values()].filter(fits).map((nat) => describeNeighbor(nat, vni))),
    ])
}

export async function createNeighborNat(site: Site, request: NeighborNatRequest): Promise<NeighborNatResult> {
  const { vni, minPort, maxPort } = request
  checkPorts(minPort, maxPort)
  const ip = requireIpv4(request.natIp)
  const underlay = parseAddress(request.underlayRoute)
  if (underlay?.family !== 6) throw new ServiceError('BAD_IPVER')
  const { neighborNats, nats } = site.functions(vni)
  if (overlaps([...neighborNats.values(), ...nats.values()], { ip, minPort, maxPort }))
    throw new ServiceError('ALREADY_EXISTS')
  const made = { ip, minPort, maxPort, underlay }
  await put(site, vni, neighborNats, neighborKey(made), made)
  return describeNeighbor(made, vni)
}

export async function deleteNeighborNat(
  site: Site,
  request: Omit<NeighborNatRequest, 'underlayRoute'>,
): Promise<void> {
  const { vni, minPort, maxPort } = request
  const ip = requireIpv4(request.natIp)
  const { neighborNats } = site.functions(vni)
  const key = neighborKey({ ip, minPort, maxPort })
  const found = neighborNats.get(key)
  if (!found) throw new ServiceError('NOT_FOUND')
  neighborNats.delete(key)
  await site.apply(vni)
}

export async function createVirtualIp(site: Site, request: VirtualIpRequest): Promise<VirtualIpResult> {
  const ip = requireIpv4(request.vip)
  const guest = site.guest(request.interfaceId)
  const { virtualIps } = site.functions(guest.vni)
  if (virtualIps.has(guest.id)) throw new ServiceError('SNAT_EXISTS')
  if ([...virtualIps.values()].some((other) => other.ip === ip)) throw new ServiceError('DNAT_EXISTS')
  const made = await putClaimed(site, guest.vni, request.underlay, {
    map: virtualIps,
    key: guest.id,
    make: (underlay) => ({ guest, ip, underlay }),
  })
  return describeVirtualIp(made)
}

export async function deleteVirtualIp(site: Site, interfaceId: string): Promise<void> {
  const { guest, ip } = requireVirtualIp(site, interfaceId)
  await take(site, guest.vni, site.functions(guest.vni).virtualIps, interfaceId)
  await site.forgetConnections(guest.vni, ip)
}

export function getVirtualIp(site: Site, interfaceId: string): VirtualIpResult {
  return describeVirtualIp(requireVirtualIp(site, interfaceId))
}

function requireNat(site: Site, interfaceId: string): Nat {
  const found = site.functions(site.guest(interfaceId).vni).nats.get(interfaceId)
  if (!found) throw new ServiceError('SNAT_NO_DATA')
  return found
}

function requireVirtualIp(site: Site, interfaceId: string): VirtualIp {
  const found = site.functions(site.guest(interfaceId).vni).virtualIps.get(interfaceId)
  if (!found) throw new ServiceError('SNAT_NO_DATA')
  return found
}

type PortRange = Pick<NeighborNat, 'ip' | 'minPort' | 'maxPort'>

function overlaps(nats: readonly PortRange[], { ip, minPort, maxPort }: PortRange): boolean {
  return nats.some((other) => other.ip === ip && other.minPort < maxPort && minPort < other.maxPort)
}

function neighborKey({ ip, minPort, maxPort }: PortRange): string {
  return `${ip} ${minPort} ${maxPort}`
}

/** The range has `maxPort - minPort` ports (dp_nat.c). */
function checkPorts(minPort: number, maxPort: number): void {
  if (minPort >= 1 && maxPort <= 65535 && minPort < maxPort) return
  throw new RpcError('INVALID_ARGUMENT', `ports ${minPort} to ${maxPort} are no range from 1 to 65535`)
}

function requireIpv4(text: string): string {
  const address: Address | undefined = parseAddress(text)
  if (address?.family !== 4) throw new ServiceError('BAD_IPVER')
  return formatAddress(address)
}

function describe({ guest, ip, minPort, maxPort, underlay }: Nat): NatResult {
  const underlayRoute = formatAddress(underlay)
  return { interfaceId: guest.id, natIp: ip, minPort, maxPort, underlayRoute, vni: guest.vni }
}

function describeNeighbor({ ip, minPort, maxPort, underlay }: NeighborNat, vni: number): NeighborNatResult {
  return { natIp: ip, vni, minPort, maxPort, underlayRoute: formatAddress(underlay) }
}

function describeVirtualIp({ guest, ip, underlay }: VirtualIp): VirtualIpResult {
  return { interfaceId: guest.id, vip: ip, underlayRoute: formatAddress(underlay) }
}
