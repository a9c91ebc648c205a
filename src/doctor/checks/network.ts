/** Firewall, forwarding, bridges and MTU of a hypervisor. */
import type { HostFacts } from '../host-facts.ts'
import { type Judgement, fault, notApplicable, ok, warning } from '../finding.ts'
import type { HypervisorNeeds } from '../needs.ts'
import { dhcpRequestFates } from '../nft-packet.ts'
import { acceptDhcp, forwardIpv4, makeBridge } from '../repairs.ts'

/** @param label of what `--fix` makes */
export function networkChecks(facts: HostFacts, needs: HypervisorNeeds, label: string): Judgement[] {
  return [
    inputPolicy(facts, label),
    forwarding(facts),
    bridges(facts, needs, label),
    underlayMtu(facts, needs),
  ]
}

function inputPolicy({ system: { nft }, libvirt: { network } }: HostFacts, label: string): Judgement {
  const check = 'nft input'
  const bridge = network?.bridge
  if (nft === undefined) return notApplicable(check, 'there is no nft')
  if (bridge === undefined) return notApplicable(check, "libvirt's network has no bridge that guests send to")
  if ('error' in nft)
    return warning(check, `the rules could not be read: ${nft.error}`, 'nft -j list ruleset, as root')
  const chains = dhcpRequestFates(nft.ruleset, bridge)
  const name = ({ family, table, chain }: (typeof chains)[number]): string => `${family} ${table} ${chain}`
  const dropping = chains.filter(({ fate }) => fate === 'dropped')
  if (dropping.length > 0) {
    return fault(
      check,
      `${dropping.map((chain) => `${name(chain)} (policy ${chain.policy})`).join(', ')} drops what guests on ${bridge} ask DHCP for`,
      dropping
        .map((chain) => `nft insert rule ${name(chain)} iifname ${bridge} udp dport 67 accept`)
        .join('; '),
      dropping.map((chain) => acceptDhcp(chain, bridge, label)),
    )
  }
  const unclear = chains.filter(({ fate }) => fate === 'perhaps')
  if (unclear.length > 0) {
    return warning(
      check,
      `${unclear.map(name).join(', ')} has rules that dpbench cannot follow: DHCP from ${bridge} may be dropped`,
      `nft list ruleset; see that udp dport 67 from ${bridge} is accepted`,
    )
  }
  const guarded = chains.filter(({ policy }) => policy === 'drop')
  return ok(
    check,
    guarded.length > 0
      ? `${guarded.map(name).join(', ')} has policy drop and accepts DHCP from ${bridge}`
      : `DHCP from ${bridge} is accepted`,
  )
}

function forwarding({ system: { ipForward }, libvirt: { network } }: HostFacts): Judgement {
  const check = 'IP forwarding'
  if (network?.forward !== 'nat' && network?.forward !== 'route')
    return notApplicable(check, "libvirt's network leads nowhere from which packets would be forwarded")
  if (ipForward) return ok(check, 'net.ipv4.ip_forward is 1')
  return fault(
    check,
    `net.ipv4.ip_forward is 0, so libvirt's ${network.forward} network leads nowhere`,
    'sysctl -w net.ipv4.ip_forward=1; for good: the same in /etc/sysctl.d/',
    [forwardIpv4()],
  )
}

function bridges({ system: { netdevs } }: HostFacts, needs: HypervisorNeeds, label: string): Judgement {
  const check = 'bridges'
  const wanted = [...needs.vmBridges, ...needs.underlayBridges]
  if (wanted.length === 0) return notApplicable(check, 'the config names none')
  const missing = wanted.filter((name) => netdevs[name]?.bridge !== true)
  if (missing.length === 0) return ok(check, wanted.join(', '))
  const taken = missing.filter((name) => netdevs[name] !== undefined)
  const absent = missing.filter((name) => netdevs[name] === undefined)
  const underlay = absent.filter((name) => needs.underlayBridges.includes(name))
  return fault(
    check,
    [
      ...(absent.length > 0 ? [`${absent.join(', ')} is not there`] : []),
      ...(taken.length > 0 ? [`${taken.join(', ')} is a network device, but no bridge`] : []),
    ].join('; '),
    [
      ...absent.map((name) => `ip link add ${name} type bridge && ip link set ${name} up`),
      ...underlay.map((name) => `put the link to the other hypervisors into ${name}`),
      ...(taken.length > 0 ? ['choose another bridge in the config'] : []),
    ].join('; '),
    absent.filter((name) => !underlay.includes(name)).map((name) => makeBridge(name, label)),
  )
}

function underlayMtu({ system }: HostFacts, needs: HypervisorNeeds): Judgement {
  const check = 'underlay MTU'
  const { underlayMtu: least } = needs
  const devices = [
    ...needs.cards.flatMap(({ address }) => ports(system, address)),
    ...needs.underlayBridges.flatMap((name) => {
      const device = system.netdevs[name]
      return device ? [{ name, mtu: device.mtu }] : []
    }),
  ]
  if (devices.length === 0) return notApplicable(check, 'no device of the underlay is known')
  const shown = devices.map(({ name, mtu }) => `${name}: ${mtu}`).join(', ')
  const low = devices.filter(({ mtu }) => mtu < least)
  const found = `${shown}; tunnelled packets of guests take ${least}`
  return low.length === 0
    ? ok(check, found)
    : fault(
        check,
        found,
        `${low.map(({ name }) => `ip link set ${name} mtu ${Math.max(least, 9100)}`).join('; ')}, at the other end and on the switch too; or a smaller --dhcp-mtu in dpservice's arguments`,
      )
}

/** Of a card its physical port; its representors are devices of it too. */
function ports(
  { cards, representors }: HostFacts['system'],
  address: string,
): readonly { readonly name: string; readonly mtu: number }[] {
  const vfPorts = representors.filter(({ port }) => /vf\d+$/.test(port)).map(({ netdev }) => netdev)
  return (cards[address]?.netdevs ?? []).filter(({ name }) => !vfPorts.includes(name))
}
