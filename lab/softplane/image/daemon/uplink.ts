/** The namespace that holds the hypervisor's physical ports and its underlay addresses, and in which tunnels end. */
import { formatAddress, type Address } from '../shared/addresses.ts'
import type { Configuration } from './configuration.ts'
import { Namespace } from './namespace.ts'
import { createPort, portStatistics, removePort, type PortStatistics } from './ports.ts'
import { requireAddress } from './underlay.ts'

/** Ethernet, IPv6, UDP and VXLAN headers around a guest's packet, in bytes. */
const tunnelOverhead = 14 + 40 + 8 + 8

export class Uplink {
  readonly namespace: Namespace
  readonly own: Address
  readonly offload: boolean
  /** Of the virtual functions' ports, in bytes. */
  readonly portMtu: number
  /** The largest packet that fits into the tunnel, in bytes. */
  readonly tunnelMtu: number
  readonly #configuration: Configuration

  private constructor(namespace: Namespace, configuration: Configuration) {
    this.namespace = namespace
    this.own = requireAddress(configuration.options.ipv6)
    this.offload = configuration.options.offload
    this.portMtu = Math.max(configuration.options.dhcpMtu, leastIpv6Mtu)
    this.tunnelMtu = configuration.underlayMtu - tunnelOverhead
    this.#configuration = configuration
  }

  /** Makes the physical ports, and the virtual functions' ports, which wait here for their interface. */
  static async create(configuration: Configuration): Promise<Uplink> {
    const { pf0, pf1, virtualFunctions, underlayMtu, options } = configuration
    const namespace = await Namespace.create({ name: 'uplink', forward: false })
    const { offload } = options
    await createPort(pf0, { namespace, name: 'pf0', mtu: underlayMtu, offload })
    if (pf1) await createPort(pf1, { namespace, name: 'pf1', mtu: underlayMtu, offload })
    const uplink = new Uplink(namespace, configuration)
    for (const port of virtualFunctions)
      await createPort(port, { namespace, name: port.device, mtu: uplink.portMtu, offload })
    await namespace.ip([
      'link set dev pf0 up',
      ...(pf1 ? ['link set dev pf1 up'] : []),
      `address add ${options.ipv6}/128 dev pf0 nodad`,
      'route add ::/0 dev pf0',
    ])
    return uplink
  }

  async addAddress(address: Address): Promise<void> {
    await this.namespace.ip([`address add ${formatAddress(address)}/128 dev pf0 nodad`])
  }

  async removeAddress(address: Address): Promise<void> {
    await this.namespace.ip([`address delete ${formatAddress(address)}/128 dev pf0`])
  }

  /** The kernel's statistics of a port that waits here, or of a physical one. */
  async portStatistics(device: string): Promise<PortStatistics> {
    const { pf0, pf1 } = this.#configuration
    const name = device === pf0.device ? 'pf0' : device === pf1?.device ? 'pf1' : device
    return portStatistics(this.namespace, name)
  }

  /** Removes the ports at once; left to the kernel, they would go a moment after the last process. */
  async close(): Promise<void> {
    const { pf0, pf1, virtualFunctions } = this.#configuration
    for (const port of [pf0, ...(pf1 ? [pf1] : []), ...virtualFunctions]) await removePort(port)
    await this.namespace.close()
  }
}

/** A port carries IPv6 whatever the guests' MTU is. */
const leastIpv6Mtu = 1280
