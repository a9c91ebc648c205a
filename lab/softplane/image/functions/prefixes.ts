/** Prefixes of an interface: further routes to it, and what a load balancer may send it. */
import { requirePrefix } from '../daemon/checks.ts'
import { formatAddress, formatPrefix, type Prefix } from '../shared/addresses.ts'
import type { PrefixRequest, PrefixResult } from '../shared/protocol.ts'
import { ServiceError } from '../shared/status.ts'
import { putClaimed, take, type Functions, type GuestPrefix, type Site } from './site.ts'

export type PrefixKind = 'prefixes' | 'balancedPrefixes'

export async function createPrefix(
  site: Site,
  kind: PrefixKind,
  request: PrefixRequest,
): Promise<PrefixResult> {
  const prefix = requirePrefix(request.prefix)
  const guest = site.guest(request.interfaceId)
  const functions = site.functions(guest.vni)
  const key = keyOf(guest.id, prefix)
  if (functions[kind].has(key) || (kind === 'prefixes' && isRouted(functions, prefix)))
    throw new ServiceError(kind === 'prefixes' ? 'ROUTE_EXISTS' : 'ALREADY_EXISTS')
  const made = await putClaimed(site, guest.vni, request.underlay, {
    map: functions[kind],
    key,
    make: (underlay) => ({ guest, prefix, underlay }),
  })
  return describe(made)
}

export async function deletePrefix(
  site: Site,
  kind: PrefixKind,
  { interfaceId, prefix: text }: Omit<PrefixRequest, 'underlay'>,
): Promise<void> {
  const guest = site.guest(interfaceId)
  const key = keyOf(guest.id, requirePrefix(text))
  const map = site.functions(guest.vni)[kind]
  if (!map.has(key)) throw new ServiceError(kind === 'prefixes' ? 'ROUTE_NOT_FOUND' : 'NOT_FOUND')
  await take(site, guest.vni, map, key)
}

export function listPrefixes(site: Site, kind: PrefixKind, interfaceId: string): PrefixResult[] {
  const { id, vni } = site.guest(interfaceId)
  return [...site.functions(vni)[kind].values()].filter(({ guest }) => guest.id === id).map(describe)
}

function isRouted({ prefixes }: Functions, prefix: Prefix): boolean {
  return [...prefixes.values()].some((other) => formatPrefix(other.prefix) === formatPrefix(prefix))
}

function keyOf(interfaceId: string, prefix: Prefix): string {
  return `${interfaceId} ${formatPrefix(prefix)}`
}

function describe({ prefix, underlay }: GuestPrefix): PrefixResult {
  return { prefix: formatPrefix(prefix), underlayRoute: formatAddress(underlay) }
}
