/** The ports: veth pairs, one end a netdev of the hypervisor, the other one softplane's. */
import type { PortSpec } from './eal-arguments.ts'
import type { Namespace } from './namespace.ts'
import { run } from '../shared/run.ts'
import { peerMac } from './underlay.ts'

/** The segmentation offloads whose absence makes every packet pass at MTU size. */
const offloads = ['tso', 'gso', 'gro'] as const

export interface PortOptions {
  /** Where softplane's end starts its life. */
  readonly namespace: Namespace
  /** The name of softplane's end. */
  readonly name: string
  readonly mtu: number
  readonly offload: boolean
}

/** Makes a port in the place of a leftover of the same name. */
export async function createPort(port: PortSpec, options: PortOptions): Promise<void> {
  await removePort(port)
  const { namespace, name, mtu } = options
  await run(
    ['ip', '-batch', '-'],
    [
      `link add ${port.netdev} address ${peerMac(port.mac)} mtu ${mtu} type veth` +
        ` peer name ${name} address ${port.mac} mtu ${mtu} netns ${namespace.pid}`,
      `link set dev ${port.netdev} addrgenmode none`,
      `link set dev ${port.netdev} up`,
      '',
    ].join('\n'),
  )
  if (options.offload) return
  await run(['ethtool', '-K', port.netdev, ...offloadsOff])
  await disableOffloads(namespace, name)
}

/** @throws Error when the name belongs to a device that softplane cannot have made. */
export async function removePort(port: PortSpec): Promise<void> {
  const links = JSON.parse(await run(['ip', '-json', '-details', 'link', 'show'])) as {
    ifname: string
    linkinfo?: { info_kind?: string }
  }[]
  const leftover = links.find(({ ifname }) => ifname === port.netdev)
  if (!leftover) return
  if (leftover.linkinfo?.info_kind !== 'veth') {
    throw new Error(`there is a network device ${port.netdev} already, and it is no port`)
  }
  // the kernel may be about to remove it by itself, together with the namespace of its peer
  await run(['ip', 'link', 'delete', 'dev', port.netdev]).catch((error: unknown) => {
    if (!String(error).includes('Cannot find device')) throw error
  })
}

/** A port's counts, named as DPDK's `/ethdev/stats` names them: received is what came in from the netdev. */
export interface PortStatistics {
  readonly ipackets: number
  readonly opackets: number
  readonly ibytes: number
  readonly obytes: number
  readonly imissed: number
  readonly ierrors: number
  readonly oerrors: number
}

export async function portStatistics(namespace: Namespace, device: string): Promise<PortStatistics> {
  const text = await namespace.run(['ip', '-json', '-stats', 'link', 'show', 'dev', device])
  const [link] = JSON.parse(text) as [{ stats64: Record<'rx' | 'tx', LinkCounts> }]
  const { rx, tx } = link.stats64
  return {
    ipackets: rx.packets,
    opackets: tx.packets,
    ibytes: rx.bytes,
    obytes: tx.bytes,
    imissed: rx.dropped,
    ierrors: rx.errors,
    oerrors: tx.errors,
  }
}

type LinkCounts = Readonly<Record<'packets' | 'bytes' | 'dropped' | 'errors', number>>

export async function disableOffloads(namespace: Namespace, device: string): Promise<void> {
  await namespace.run(['ethtool', '-K', device, ...offloadsOff])
}

const offloadsOff = offloads.flatMap((name) => [name, 'off'])
