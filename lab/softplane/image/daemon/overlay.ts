/**
 * One VNI: a namespace that routes between the ports of its interfaces and the tunnel. The tunnel is a VXLAN device
 * without destinations of its own: each route says where to (a lightweight tunnel), and its socket stays in the
 * uplink's namespace, where all VNIs share one UDP port and the device's filter picks its own VNI.
 */
import { fileURLToPath } from 'node:url'
import { formatAddress, formatPrefix, type Address, type Prefix } from '../shared/addresses.ts'
import { GuestConfiguration, type GuestPort } from './guest-configuration.ts'
import { prefixRoutes, renderRules, waysOf } from '../functions/rules.ts'
import type { Functions } from '../functions/site.ts'
import { Steering } from '../functions/steering.ts'
import { Namespace } from './namespace.ts'
import { disableOffloads, portStatistics, type PortStatistics } from './ports.ts'
import { PacketCounters, type PortPackets } from './telemetry/packet-counters.ts'
import { sameHypervisor, targetEnd, tunnelEnd, underlayVni, type TunnelEnd } from './underlay.ts'
import type { Uplink } from './uplink.ts'

/** Assigned to VXLAN (RFC 7348). */
const tunnelPort = 4789
const gateway4 = '169.254.0.1'
const gateway6 = 'fe80::1'
const responder = fileURLToPath(new URL('../guest/responder.ts', import.meta.url))

/** Not `default`: with a next hop of IPv6 that is a route of IPv6. */
const everything = { 4: '0.0.0.0/0', 6: '::/0' } as const

export interface NextHop {
  /** 0: this VNI. */
  readonly vni: number
  readonly address: Address
}

export class Overlay {
  readonly vni: number
  readonly #uplink: Uplink
  readonly #namespace: Namespace
  readonly #tunnel: string
  readonly #guests: GuestConfiguration
  readonly #counters: PacketCounters
  readonly #steering: Steering
  /** Routes of prefixes, as `ip route` names them. */
  #prefixRoutes = new Map<string, string>()

  private constructor(vni: number, uplink: Uplink, namespace: Namespace, guests: GuestConfiguration) {
    this.vni = vni
    this.#uplink = uplink
    this.#namespace = namespace
    this.#tunnel = tunnelName(vni)
    this.#guests = guests
    const wayOut = [
      { namespace, name: this.#tunnel },
      { namespace: uplink.namespace, name: 'pf0' },
    ]
    this.#counters = new PacketCounters(namespace, { mtu: uplink.portMtu, tunnel: this.#tunnel, wayOut })
    this.#steering = new Steering({
      namespace,
      tunnelRoute: ({ family, address, forThisAddressAlone }, table) => {
        const end = forThisAddressAlone ? targetEnd(address) : tunnelEnd(address)
        return this.#route(family, everything[family], { vni: 0, address }, end, ` table ${table}`)
      },
    })
  }

  static async create(vni: number, uplink: Uplink): Promise<Overlay> {
    const guests = new GuestConfiguration()
    const namespace = await Namespace.create(
      { name: `vni-${vni}`, forward: true, holder: [process.execPath, responder] },
      (line) => guests.acknowledge(line),
    )
    guests.attach(namespace.holder)
    const overlay = new Overlay(vni, uplink, namespace, guests)
    try {
      await overlay.#createTunnel()
    } catch (error) {
      await overlay.close()
      throw error
    }
    return overlay
  }

  async #createTunnel(): Promise<void> {
    const tunnel = this.#tunnel
    const { mac } = tunnelEnd(this.#uplink.own)
    await this.#uplink.namespace.ip([
      `link add ${tunnel} address ${mac} mtu ${this.#uplink.tunnelMtu} type vxlan external vnifilter` +
        ` dstport ${tunnelPort} udp6zerocsumtx udp6zerocsumrx`,
      `link set dev ${tunnel} netns ${this.#namespace.pid}`,
    ])
    await this.#namespace.ip([`link set dev ${tunnel} addrgenmode none`, `link set dev ${tunnel} up`])
    await this.#namespace.run(['bridge', 'vni', 'add', 'vni', String(this.vni), 'dev', tunnel])
    if (!this.#uplink.offload) await disableOffloads(this.#namespace, tunnel)
  }

  /** Takes a port out of the uplink's namespace and serves a guest behind it. */
  async attach(port: GuestPort): Promise<void> {
    const { device, ipv4, ipv6 } = port
    await this.#uplink.namespace.ip([`link set dev ${device} netns ${this.#namespace.pid}`])
    try {
      await this.#namespace.ip([
        `link set dev ${device} addrgenmode none`,
        `link set dev ${device} up`,
        `address add ${gateway4}/32 dev ${device}`,
        `address add ${gateway6}/64 dev ${device} nodad`,
        ...(ipv4 ? [`route add ${ipv4}/32 dev ${device}`] : []),
        ...(ipv6 ? [`route add ${ipv6}/128 dev ${device}`] : []),
      ])
      await this.#counters.watch(device)
      await this.#guests.add(port)
    } catch (error) {
      await this.detach(device)
      throw error
    }
  }

  /** Puts a port back to where it waits for its next interface. Its addresses and routes go with the move. */
  async detach(device: string): Promise<void> {
    await this.#guests.remove(device)
    await this.#namespace.ip([
      `link set dev ${device} down`,
      `link set dev ${device} netns ${this.#uplink.namespace.pid}`,
    ])
  }

  /** What software handled of each port's packets. */
  async softwarePackets(): Promise<Map<string, PortPackets>> {
    return this.#counters.read()
  }

  /** The kernel's statistics of a port that serves a guest here. */
  async portStatistics(device: string): Promise<PortStatistics> {
    return portStatistics(this.#namespace, device)
  }

  async addRoute(prefix: Prefix, hop: NextHop): Promise<void> {
    await this.#namespace.ip(
      this.#route(prefix.address.family, formatPrefix(prefix), hop, tunnelEnd(hop.address)),
    )
  }

  /** Lines of `ip`'s batch language. */
  #route(family: 4 | 6, prefix: string, { vni, address }: NextHop, end: TunnelEnd, rest = ''): string[] {
    const id = vni || (underlayVni(address) ?? this.vni)
    const via = family === 4 ? `inet6 ${end.nextHop}` : end.nextHop
    return [
      // a hypervisor's own tunnel end would take the frame for an echo: no neighbour, no delivery
      ...(sameHypervisor(address, this.#uplink.own)
        ? []
        : [`neigh replace ${end.nextHop} dev ${this.#tunnel} lladdr ${end.mac} nud permanent`]),
      `route add ${prefix}` +
        ` encap ip6 id ${id} src ${formatAddress(this.#uplink.own)} dst ${formatAddress(address)} hoplimit 64` +
        ` via ${via} dev ${this.#tunnel} onlink${rest}`,
    ]
  }

  async removeRoute(prefix: Prefix): Promise<void> {
    await this.#namespace.ip([`route delete ${formatPrefix(prefix)} dev ${this.#tunnel}`])
  }

  /** Has the kernel do what the functions say: first the ways that rules lead to, then the rules, then the ways of before go. */
  async apply(functions: Functions): Promise<void> {
    const context = { tunnel: this.#tunnel, own: this.#uplink.own }
    const ways = waysOf(functions, context)
    const marks = await this.#steering.open(ways)
    await this.#namespace.run(['nft', '-f', '-'], renderRules(functions, context, marks))
    await this.#steering.forget(ways)
    await this.#applyPrefixes(prefixRoutes(functions))
  }

  async #applyPrefixes(wanted: Map<string, string>): Promise<void> {
    const before = this.#prefixRoutes
    const gone = [...before.keys()].filter((prefix) => !wanted.has(prefix))
    // routes to a port that was taken away are gone with it
    for (const prefix of gone) {
      const family = prefix.includes(':') ? '-6' : '-4'
      await this.#namespace.run(['ip', family, 'route', 'flush', 'exact', prefix])
    }
    await this.#namespace.ip(
      [...wanted].filter(([key]) => !before.has(key)).map(([, line]) => `route add ${line}`),
    )
    this.#prefixRoutes = wanted
  }

  /** Drops what connection tracking knows of an address that functions translate to or from. */
  async forgetConnections(address: string): Promise<void> {
    for (const side of ['--reply-dst', '--orig-dst']) {
      await this.#namespace.run(['conntrack', '-D', side, address]).catch((error: unknown) => {
        if (!String(error).includes('0 flow entries')) throw error
      })
    }
  }

  /** All ports must have been detached. The tunnel goes first: until then its VNI is taken. */
  async close(): Promise<void> {
    await this.#namespace.run(['ip', 'link', 'delete', 'dev', this.#tunnel]).catch(ignoreMissing)
    await this.#uplink.namespace.run(['ip', 'link', 'delete', 'dev', this.#tunnel]).catch(ignoreMissing)
    await this.#namespace.close()
  }
}

function tunnelName(vni: number): string {
  return `vx${vni}`
}

function ignoreMissing(error: unknown): void {
  if (!String(error).includes('Cannot find device')) throw error
}
