/**
 * Addresses and routes that others have put on a NIC which is taken down and leased afresh: the kernel forgets them with the link,
 * so they are put there again.
 */
import type { GuestLink } from './guest-network.ts'

/** As `ip` takes them, to be run again without harm; `defaults` are the default routes, which win over those of a lease. */
export interface OthersOnLink {
  readonly commands: readonly (readonly string[])[]
  readonly defaults: readonly (readonly string[])[]
  /**
   * What a lease without an end gave, as a data plane gives it that may be gone by now: then nobody makes it again. Not to be put
   * there while the link is leased afresh: it would be taken for the new lease.
   */
  readonly leased: readonly (readonly string[])[]
}

/** Of the kernel itself, and of routers: who made them makes them again. */
const ofItself = /\bproto (kernel|ra|redirect)\b/
const ofLease = /\bproto dhcp\b/
const ofAddresses = /^(local|broadcast|multicast|anycast|unreachable)\b/

const keptFlags = ['nodad', 'noprefixroute'] as const

/** @param routes what `ip -4` and `ip -6 route show table all` tell */
export function othersOnLink(link: GuestLink, routes: Readonly<Record<'-4' | '-6', string>>): OthersOnLink {
  const found = (['-4', '-6'] as const).flatMap((family) =>
    routesOf(routes[family], link.ifname).map((words) => ({ family, words })),
  )
  const [ofLeases, ofOthers] = parted(found, ({ words }) => ofLease.test(words.join(' ')))
  const sources = new Set(ofLeases.map(sourceOf))
  const lasting = link.addr_info.filter(
    ({ local, scope, dynamic }) => local !== undefined && scope === 'global' && dynamic !== true,
  )
  const [leased, others] = parted(lasting, ({ local }) => sources.has(local))
  const endless = new Set(leased.map(({ local }) => local))
  const kept = ofLeases.filter((route) => endless.has(sourceOf(route)))
  const commandsOf = (all: readonly FoundRoute[]): string[][] =>
    all.flatMap(({ family, words }) => routeCommands(family, words, link.ifname))
  const [defaults, ways] = parted(ofOthers, isDefault)
  return {
    commands: [...others.map((info) => addressCommand(info, link.ifname)), ...commandsOf(ways)],
    defaults: commandsOf(defaults),
    leased: [
      ...leased.map((info) => addressCommand(info, link.ifname)),
      ...parted(kept, isDefault).toReversed().flatMap(commandsOf),
    ],
  }
}

interface FoundRoute {
  readonly family: '-4' | '-6'
  readonly words: readonly string[]
}

function sourceOf({ words }: FoundRoute): string | undefined {
  const at = words.indexOf('src')
  return at < 0 ? undefined : words[at + 1]
}

function isDefault({ words }: FoundRoute): boolean {
  return words[0] === 'default'
}

/** Those that are so, and the others. */
function parted<T>(all: readonly T[], isSo: (each: T) => boolean): [T[], T[]] {
  return [all.filter(isSo), all.filter((each) => !isSo(each))]
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
