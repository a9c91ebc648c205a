/** Firewall rules of an interface. */
import { formatPrefix, maskPrefix, parsePrefix } from '../shared/addresses.ts'
import type { FirewallRuleRequest, FirewallRuleResult } from '../shared/protocol.ts'
import { RpcError, ServiceError } from '../shared/status.ts'
import { put, type Site } from './site.ts'

export async function createFirewallRule(
  site: Site,
  request: FirewallRuleRequest,
): Promise<FirewallRuleResult> {
  const { interfaceId, ...rule } = request
  const guest = site.guest(interfaceId)
  const [source, destination] = [parsePrefix(rule.source), parsePrefix(rule.destination)]
  if (!source || !destination) throw new RpcError('INVALID_ARGUMENT', 'a firewall rule needs two prefixes')
  if (source.address.family !== destination.address.family) throw new ServiceError('BAD_IPVER')
  const { firewalls } = site.functions(guest.vni)
  const firewall = firewalls.get(interfaceId) ?? { guest, rules: new Map<string, FirewallRuleResult>() }
  if (firewall.rules.has(rule.id)) throw new ServiceError('ALREADY_EXISTS')
  firewalls.set(interfaceId, firewall)
  const made = {
    ...rule,
    source: formatPrefix(maskPrefix(source)),
    destination: formatPrefix(maskPrefix(destination)),
  }
  await put(site, guest.vni, firewall.rules, rule.id, made)
  return made
}

export async function deleteFirewallRule(site: Site, interfaceId: string, id: string): Promise<void> {
  const { vni } = site.guest(interfaceId)
  if (!site.functions(vni).firewalls.get(interfaceId)?.rules.delete(id)) throw new ServiceError('NOT_FOUND')
  await site.apply(vni)
}

export function getFirewallRule(site: Site, interfaceId: string, id: string): FirewallRuleResult {
  const { vni } = site.guest(interfaceId)
  const found = site.functions(vni).firewalls.get(interfaceId)?.rules.get(id)
  if (!found) throw new ServiceError('NOT_FOUND')
  return found
}

export function listFirewallRules(site: Site, interfaceId: string): FirewallRuleResult[] {
  const { vni } = site.guest(interfaceId)
  return [...(site.functions(vni).firewalls.get(interfaceId)?.rules.values() ?? [])]
}
