/**
 * The network functions of one VNI as nftables rules (nft(8)) and as ways for what is steered. Nothing here touches the
 * kernel. Without functions there are no rules, and with them no connection tracking: plain traffic costs what it cost before.
 */
import { formatAddress, formatPrefix, type Address } from '../shared/addresses.ts'
import type { FirewallRuleResult } from '../shared/protocol.ts'
import { sameHypervisor, targetEnd } from '../daemon/underlay.ts'
import type { Functions, GuestPrefix, LoadBalancer } from './site.ts'
import type { Way } from './steering.ts'

export interface RuleContext {
  /** The device of the tunnel. */
  readonly tunnel: string
  /** This hypervisor's own underlay address. */
  readonly own: Address
}

/** Any constant: the same on every node, so that all choose the same target for a connection. */
const hashSeed = '0x64706c62'
const table = 'softplane'

/** Where steered packets go, by keys that {@link renderRules} uses too. */
export function waysOf(functions: Functions, { own }: RuleContext): Map<string, Way> {
  const ways = new Map<string, Way>()
  for (const { underlay: address } of functions.neighborNats.values())
    ways.set(neighborKey(address), { to: 'underlay', family: 4, address, forThisAddressAlone: false })
  for (const prefix of functions.balancedPrefixes.values()) {
    const way = guestWay(prefix)
    if (way) ways.set(targetKey(prefix.underlay, way.family), way)
  }
  for (const balancer of functions.loadBalancers.values()) {
    const { family } = balancer.ip
    for (const address of balancer.targets.values())
      if (!sameHypervisor(address, own))
        ways.set(targetKey(address, family), { to: 'underlay', family, address, forThisAddressAlone: true })
  }
  return ways
}

/** A script for `nft -f` that puts these rules in the place of those before, at once. */
export function renderRules(
  functions: Functions,
  context: RuleContext,
  marks: ReadonlyMap<string, number>,
): string {
  const chains = [
    ...chain('steer', 'type filter hook prerouting priority mangle', steering(functions, marks)),
    ...chain('nat-in', 'type nat hook prerouting priority dstnat', incoming(functions, context)),
    ...chain('nat-out', 'type nat hook postrouting priority srcnat', outgoing(functions, context)),
    ...forwarding(functions, context),
  ]
  const arrivals = chain(
    'arrivals',
    `type filter hook ingress device "${context.tunnel}" priority 0`,
    [...functions.balancedPrefixes.values()].flatMap((prefix) => arrival(prefix, marks)),
  )
  return [...replaced('inet', chains), ...replaced('netdev', arrivals), ''].join('\n')
}

function replaced(family: string, chains: readonly string[]): string[] {
  const name = `table ${family} ${table}`
  // named twice: a table must be there to be deleted
  const gone = [name, `delete ${name}`]
  return chains.length === 0 ? gone : [...gone, `${name} {`, ...chains, '}']
}

function chain(name: string, hook: string, rules: readonly string[]): string[] {
  if (rules.length === 0) return []
  return [`chain ${name} {`, ...(hook ? [`${hook}; policy accept;`] : []), ...rules, '}']
}

/** What comes for an underlay address of a load-balanced prefix goes to that guest, whatever its destination. */
function arrival({ underlay, prefix }: GuestPrefix, marks: ReadonlyMap<string, number>): string[] {
  const mark = marks.get(targetKey(underlay, prefix.address.family))
  if (mark === undefined) return []
  return [`ether daddr ${targetEnd(underlay).mac} meta pkttype set host meta mark set ${mark}`]
}

function steering({ loadBalancers, neighborNats }: Functions, marks: ReadonlyMap<string, number>): string[] {
  const neighbors = [...neighborNats.values()].map(
    ({ ip, minPort, maxPort, underlay }) =>
      `ip daddr ${ip} meta l4proto { tcp, udp } th dport ${minPort}-${maxPort - 1} ` +
      `meta mark set ${marks.get(neighborKey(underlay))}`,
  )
  return [...neighbors, ...[...loadBalancers.values()].flatMap((balancer) => balance(balancer, marks))]
}

function balance(balancer: LoadBalancer, marks: ReadonlyMap<string, number>): string[] {
  const { ip, ports, targets } = balancer
  const chosen = [...targets.keys()]
    .sort() // by name: the nodes may have been told in another order
    .flatMap((target) => marks.get(targetKey(targets.get(target)!, ip.family)) ?? [])
  if (chosen.length === 0) return []
  const family = ip.family === 4 ? 'ip' : 'ip6'
  const addresses = `${family} saddr . ${family} daddr`
  const marked = (input: string): string =>
    chosen.length === 1
      ? `meta mark set ${chosen[0]}`
      : `meta mark set jhash ${input} mod ${chosen.length} seed ${hashSeed} ` +
        `map { ${chosen.map((mark, index) => `${index} : ${mark}`).join(', ')} }`
  const echo = ip.family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request'
  const protocols = [
    ['tcp', 6],
    ['udp', 17],
  ] as const
  const to = `meta mark 0 ${family} daddr ${formatAddress(ip)}`
  return [
    ...protocols.flatMap(([protocol, number]) => {
      const own = ports.filter((each) => each.protocol === number).map(({ port }) => port)
      if (own.length === 0) return []
      const input = `${addresses} . ${protocol} sport . ${protocol} dport`
      return [`${to} ${protocol} dport { ${own.join(', ')} } ${marked(input)}`]
    }),
    `${to} ${echo} ${marked(addresses)}`,
  ]
}

function incoming({ virtualIps }: Functions, { tunnel }: RuleContext): string[] {
  return [...virtualIps.values()].map(
    ({ guest, ip }) => `iifname "${tunnel}" ip daddr ${ip} dnat ip to ${guest.ipv4}`,
  )
}

function outgoing({ virtualIps, nats }: Functions, { tunnel }: RuleContext): string[] {
  const leaving = (guest: { ipv4: string }): string => `oifname "${tunnel}" ip saddr ${guest.ipv4}`
  return [
    ...[...virtualIps.values()].map(({ guest, ip }) => `${leaving(guest)} snat ip to ${ip}`),
    ...[...nats.values()].flatMap(({ guest, ip, minPort, maxPort }) => [
      `${leaving(guest)} meta l4proto { tcp, udp } snat ip to ${ip}:${minPort}-${maxPort - 1}`,
      `${leaving(guest)} snat ip to ${ip}`,
    ]),
  ]
}

/** What no function took is dropped: an address that is only a function's has no guest behind it. */
function forwarding(functions: Functions, { tunnel }: RuleContext): string[] {
  const unclaimed = [
    ...[...functions.nats.values()].map(({ ip }) => `iifname "${tunnel}" meta mark 0 ip daddr ${ip} drop`),
    ...[...functions.loadBalancers.values()].map(
      ({ ip }) => `meta mark 0 ${ip.family === 4 ? 'ip' : 'ip6'} daddr ${formatAddress(ip)} drop`,
    ),
  ]
  const guards = [...functions.firewalls.values()].flatMap(({ guest, rules }, index) =>
    (['ingress', 'egress'] as const).flatMap((direction) => {
      const own = [...rules.values()].filter((rule) => rule.direction === direction)
      if (own.length === 0) return []
      const name = `${direction}-${index}`
      const match = direction === 'ingress' ? 'oifname' : 'iifname'
      return [{ name, jump: `${match} "${guest.device}" jump ${name}`, rules: guard(own) }]
    }),
  )
  if (guards.length === 0) return chain('forward', 'type filter hook forward priority filter', unclaimed)
  return [
    ...guards.flatMap(({ name, rules }) => chain(name, '', rules)),
    ...chain('forward', 'type filter hook forward priority filter', [
      ...unclaimed,
      'ct state established,related accept',
      ...guards.map(({ jump }) => jump),
    ]),
  ]
}

/** Lower numbers go first; what no rule names is dropped. */
function guard(rules: readonly FirewallRuleResult[]): string[] {
  const ordered = rules.toSorted((a, b) => a.priority - b.priority)
  return [
    ...ordered.map((rule) => `${match(rule)} ${rule.action === 'accept' ? 'return' : 'drop'}`.trim()),
    'drop',
  ]
}

function match({ source, destination, filter }: FirewallRuleResult): string {
  const family = source.includes(':') ? 'ip6' : 'ip'
  const prefixes = [
    family === 'ip' ? 'meta nfproto ipv4' : 'meta nfproto ipv6',
    ...(isAny(source) ? [] : [`${family} saddr ${source}`]),
    ...(isAny(destination) ? [] : [`${family} daddr ${destination}`]),
  ]
  return [...prefixes, ...matchProtocol(filter, family)].join(' ')
}

function matchProtocol(filter: FirewallRuleResult['filter'], family: 'ip' | 'ip6'): string[] {
  if (!filter) return []
  if (filter.protocol === 'icmp') {
    const name = family === 'ip' ? 'icmp' : 'icmpv6'
    return [
      `meta l4proto ${name}`,
      ...(filter.type < 0 ? [] : [`${name} type ${filter.type}`]),
      ...(filter.code < 0 ? [] : [`${name} code ${filter.code}`]),
    ]
  }
  const range = (end: 'sport' | 'dport', [from, to]: readonly [number, number]): string[] =>
    from < 0 ? [] : [`${filter.protocol} ${end} ${from}-${to < 0 ? from : to}`]
  return [
    `meta l4proto ${filter.protocol}`,
    ...range('sport', filter.sourcePorts),
    ...range('dport', filter.destinationPorts),
  ]
}

const isAny = (prefix: string): boolean => prefix.endsWith('/0')

function guestWay({ guest, prefix }: GuestPrefix): Extract<Way, { to: 'guest' }> | undefined {
  const { family } = prefix.address
  const gateway = family === 4 ? guest.ipv4 : guest.ipv6
  return gateway ? { to: 'guest', family, device: guest.device, gateway } : undefined
}

function targetKey(underlay: Address, family: 4 | 6): string {
  return `target ${formatAddress(underlay)} ${family}`
}

function neighborKey(underlay: Address): string {
  return `neighbor ${formatAddress(underlay)}`
}

/** Routes of the prefixes, as `ip route` names them. */
export function prefixRoutes({ prefixes }: Functions): Map<string, string> {
  return new Map(
    [...prefixes.values()].flatMap(({ guest, prefix }) => {
      const gateway = prefix.address.family === 4 ? guest.ipv4 : guest.ipv6
      if (!gateway) return []
      const text = formatPrefix(prefix)
      return [[text, `${text} via ${gateway} dev ${guest.device} onlink`] as const]
    }),
  )
}
