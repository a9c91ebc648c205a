/** The calls of the network functions by name. All of them need the service to be initialized. */
import type {
  FirewallRuleRequest,
  LoadBalancerRequest,
  NatRequest,
  NeighborNatRequest,
  PrefixRequest,
  VirtualIpRequest,
} from '../shared/protocol.ts'
import * as firewall from './firewall.ts'
import * as balancer from './load-balancer.ts'
import * as nat from './nat.ts'
import { createPrefix, deletePrefix, listPrefixes, type PrefixKind } from './prefixes.ts'
import type { Site } from './site.ts'

type Params = Readonly<Record<string, unknown>>
type Call = (site: Site, params: Params) => Params | Promise<Params>

/** The client checks its flags, and it is the only one that calls. */
const as = <T>(params: Params): T => params as unknown as T
const interfaceOf = ({ interfaceId }: Params): string => String(interfaceId)
const none = async (done: Promise<void>): Promise<Params> => {
  await done
  return {}
}

function prefixMethods(name: string, kind: PrefixKind): Record<string, Call> {
  return {
    [`Create${name}`]: async (site, params) => ({
      prefix: await createPrefix(site, kind, as<PrefixRequest>(params)),
    }),
    [`Delete${name}`]: (site, params) => none(deletePrefix(site, kind, as<PrefixRequest>(params))),
    [`List${name}es`]: (site, params) => ({ prefixes: listPrefixes(site, kind, interfaceOf(params)) }),
  }
}

export const functionMethods: Readonly<Record<string, Call>> = {
  CreateNat: async (site, params) => ({ nat: await nat.createNat(site, as<NatRequest>(params)) }),
  DeleteNat: (site, params) => none(nat.deleteNat(site, interfaceOf(params))),
  GetNat: (site, params) => ({ nat: nat.getNat(site, interfaceOf(params)) }),
  ListNats: (site, { natIp, type }) => ({ nats: nat.listNats(site, String(natIp), String(type)) }),
  CreateNeighborNat: async (site, params) => ({
    nat: await nat.createNeighborNat(site, as<NeighborNatRequest>(params)),
  }),
  DeleteNeighborNat: (site, params) => none(nat.deleteNeighborNat(site, as<NeighborNatRequest>(params))),
  CreateVip: async (site, params) => ({ vip: await nat.createVirtualIp(site, as<VirtualIpRequest>(params)) }),
  DeleteVip: (site, params) => none(nat.deleteVirtualIp(site, interfaceOf(params))),
  GetVip: (site, params) => ({ vip: nat.getVirtualIp(site, interfaceOf(params)) }),
  ...prefixMethods('Prefix', 'prefixes'),
  ...prefixMethods('LoadBalancerPrefix', 'balancedPrefixes'),
  CreateLoadBalancer: async (site, params) => ({
    loadBalancer: await balancer.createLoadBalancer(site, as<LoadBalancerRequest>(params)),
  }),
  DeleteLoadBalancer: (site, { id }) => none(balancer.deleteLoadBalancer(site, String(id))),
  GetLoadBalancer: (site, { id }) => ({ loadBalancer: balancer.getLoadBalancer(site, String(id)) }),
  ListLoadBalancers: (site) => ({ loadBalancers: balancer.listLoadBalancers(site) }),
  CreateLoadBalancerTarget: (site, { id, targetIp }) =>
    none(balancer.createTarget(site, String(id), String(targetIp))),
  DeleteLoadBalancerTarget: (site, { id, targetIp }) =>
    none(balancer.deleteTarget(site, String(id), String(targetIp))),
  ListLoadBalancerTargets: (site, { id }) => ({ targets: balancer.listTargets(site, String(id)) }),
  CreateFirewallRule: async (site, params) => ({
    rule: await firewall.createFirewallRule(site, as<FirewallRuleRequest>(params)),
  }),
  DeleteFirewallRule: (site, params) =>
    none(firewall.deleteFirewallRule(site, interfaceOf(params), String(params.id))),
  GetFirewallRule: (site, params) => ({
    rule: firewall.getFirewallRule(site, interfaceOf(params), String(params.id)),
  }),
  ListFirewallRules: (site, params) => ({ rules: firewall.listFirewallRules(site, interfaceOf(params)) }),
}
