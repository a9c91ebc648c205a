/** What carries the tested traffic: the underlay between hypervisors, and one bridge per VM for its data NIC. */
import type { NamespaceHost } from '../namespaces/namespace-host.ts'
import { together } from '../together.ts'
import { ip, setNetworkParameters } from './ip.ts'

export const underlayBridge = 'br-underlay'
const underlayLink = 'underlay0'
/** Room for a full-sized packet in an IPv6 tunnel, and for jumbo frames. */
const underlayMtu = 9100

export function vmBridge(vm: string): string {
  return `br-${vm}`
}

/**
 * Makes the bridges of a hypervisor. They are plain switches: no address of their own that could answer a guest, no
 * multicast snooping (without a querier it drops neighbour discovery), no spanning tree.
 */
export async function makeBridges(
  host: NamespaceHost,
  vms: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const options = { lab: host.lab, pid: host.pid, signal }
  const bridges = [underlayBridge, ...vms.map(vmBridge)]
  await ip(
    bridges.map((bridge) => `link add ${bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`),
    options,
  )
  await setNetworkParameters(
    {
      // Where br_netfilter is loaded, bridged frames would go through iptables.
      'bridge/bridge-nf-call-iptables': '0',
      'bridge/bridge-nf-call-ip6tables': '0',
      'bridge/bridge-nf-call-arptables': '0',
      ...Object.fromEntries(bridges.map((bridge) => [`ipv6/conf/${bridge}/disable_ipv6`, '1'])),
    },
    options,
  )
  await ip(
    [`link set ${underlayBridge} mtu ${underlayMtu}`, ...bridges.map((name) => `link set ${name} up`)],
    options,
  )
}

/** A direct cable between two hypervisors; a switch in a namespace of its own between more. */
export async function connectUnderlay(
  hypervisors: readonly NamespaceHost[],
  startSwitch: () => Promise<NamespaceHost>,
  signal: AbortSignal,
): Promise<void> {
  const [first, second, ...others] = hypervisors
  if (!first || !second) return
  if (others.length === 0) {
    await ip(
      [`link add ${underlayLink} netns ${first.pid} type veth peer name ${underlayLink} netns ${second.pid}`],
      {
        lab: first.lab,
        signal,
      },
    )
    await together([first, second].map((host) => attachPort(host, underlayLink, underlayBridge, signal)))
    return
  }
  const underlaySwitch = await startSwitch()
  await makeBridges(underlaySwitch, [], signal)
  await together(
    hypervisors.map(async (host, index) => {
      const port = `port${index + 1}`
      await ip(
        [
          `link add ${underlayLink} netns ${host.pid} type veth peer name ${port} netns ${underlaySwitch.pid}`,
        ],
        {
          lab: host.lab,
          signal,
        },
      )
      await attachPort(host, underlayLink, underlayBridge, signal)
      await attachPort(underlaySwitch, port, underlayBridge, signal)
    }),
  )
}

async function attachPort(
  host: NamespaceHost,
  port: string,
  bridge: string,
  signal: AbortSignal,
): Promise<void> {
  const options = { lab: host.lab, pid: host.pid, signal }
  await setNetworkParameters({ [`ipv6/conf/${port}/disable_ipv6`]: '1' }, options)
  await ip([`link set ${port} mtu ${underlayMtu} master ${bridge}`, `link set ${port} up`], options)
}
