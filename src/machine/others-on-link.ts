/**
 * Addresses and routes that others have put on a NIC which is taken down and leased afresh: the kernel forgets them with the link,
 * so they are put there again.
 */
import type { GuestLink } from './guest-network.ts'

/** As `ip` takes them, to be run again without harm; `defaults` are the default routes, which win over those of a lease. */
export interface OthersOnLink {
  readonly commands: readonly (readonly string[])[]
  readonly defaults: readonly (readonly string[])[]
}

/** Of the kernel itself, of routers and of leases: who made them makes them again. */
const ofItself = /\bproto (kernel|ra|redirect|dhcp)\b/
const ofAddresses = /^(local|broadcast|multicast|anycast|unreachable)\b/

const keptFlags = ['nodad', 'noprefixroute'] as const

/** @param routes what `ip -4` and `ip -6 route show table all` tell */
export function othersOnLink(link: GuestLink, routes: Readonly<Record<'-4' | '-6', string>>): OthersOnLink {
  const found = (['-4', '-6'] as const).flatMap((family) =>
    routesOf(routes[family], link.ifname).map((words) => ({ family, words })),
  )
  const leased = leasedAddresses(Object.values(routes).join('\n'))
  const lasting = link.addr_info.filter(
    ({ local, scope, dynamic }) =>
      local !== undefined && scope === 'global' && dynamic !== true && !leased.has(local),
  )
  const commandsOf = (all: readonly FoundRoute[]): string[][] =>
    all.flatMap(({ family, words }) => routeCommands(family, words, link.ifname))
  return {
    commands: [
      ...lasting.map((info) => addressCommand(info, link.ifname)),
      ...commandsOf(found.filter((route) => !isDefault(route))),
    ],
    defaults: commandsOf(found.filter(isDefault)),
  }
}

/**
 * The addresses whose lease made routes: of one without an end the address itself does not say that it is leased.
 * @param routes as `ip route show` tells them
 */
export function leasedAddresses(routes: string): ReadonlySet<string> {
  const found = routes.matchAll(/^.*\bproto dhcp\b.*\bsrc (\S+)/gm)
  return new Set([...found].map(([, address]) => address!))
}

interface FoundRoute {
  readonly family: '-4' | '-6'
  readonly words: readonly string[]
}

function isDefault({ words }: FoundRoute): boolean {
  return words[0] === 'default'
}

function addressCommand(
  { local, prefixlen, broadcast, label, metric, ...flags }: GuestLink['addr_info'][number],
  ifname: string,
): string[] {
  return [
    'ip',
    'address',
    'replace',
    `${local}/${prefixlen}`,
    'dev',
    ifname,
    ...(broadcast === undefined ? [] : ['broadcast', broadcast]),
    ...(label === undefined || label === ifname ? [] : ['label', label]),
    ...(metric === undefined ? [] : ['metric', String(metric)]),
    ...keptFlags.filter((flag) => flags[flag] === true),
  ]
}

/** Of no route of anybody's. */
const ownMetric = '4294967294'

/**
 * The kernel asks for a way to a gateway when a route is made, and not again: the address that gave it may be gone long since. So
 * the way is there for that moment.
 */
function routeCommands(family: '-4' | '-6', words: readonly string[], ifname: string): string[][] {
  const route = ['ip', family, 'route', 'replace', ...words]
  const gateway = words[words.indexOf('via') + 1]!
  if (!words.includes('via') || gateway === 'inet6' || gateway.startsWith('fe80:')) return [route]
  const way = [gateway, 'dev', ifname, 'metric', ownMetric]
  return [['ip', family, 'route', 'replace', ...way], route, ['ip', family, 'route', 'del', ...way]]
}

/** Routes of several hops stand on several lines, without a device on the first, and are left alone. */
function routesOf(text: string, ifname: string): string[][] {
  return text.split('\n').flatMap((line) => {
    const words = withoutState(line.split(/\s+/).filter(Boolean))
    if (words[words.indexOf('dev') + 1] !== ifname || !words.includes('dev')) return []
    return ofItself.test(line) || ofAddresses.test(line) || line.startsWith('fe80::') ? [] : [words]
  })
}

/** Words of `ip route show` that `ip route add` does not take. */
const transientWords = new Set(['linkdown', 'dead'])

/** A line of `ip route show` as `ip route add` takes it. */
export function withoutState(words: readonly string[]): string[] {
  const kept = words.filter((word) => !transientWords.has(word))
  const at = kept.indexOf('expires')
  return at < 0 ? kept : kept.toSpliced(at, 2)
}
