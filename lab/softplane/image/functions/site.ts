/**
 * What the network functions of one VNI are, and what they may ask of the service. Each operation changes this state and has
 * the kernel follow it; a change that the kernel refuses is forgotten again.
 */
import type { Address, Prefix } from '../shared/addresses.ts'
import type { FirewallRuleResult } from '../shared/protocol.ts'

/** An interface and the guest behind it. Addresses are empty where the guest has none. */
export interface Guest {
  readonly id: string
  readonly vni: number
  readonly device: string
  readonly ipv4: string
  readonly ipv6: string
}

/** Source NAT of one interface: what leaves the hypervisor has `ip` and a port from `minPort` to below `maxPort`. */
export interface Nat {
  readonly guest: Guest
  readonly ip: string
  readonly minPort: number
  readonly maxPort: number
  readonly underlay: Address
}

/** Ports of a NAT address that another hypervisor has: what comes for them is sent on. */
export interface NeighborNat {
  readonly ip: string
  readonly minPort: number
  readonly maxPort: number
  readonly underlay: Address
}

export interface BalancedPort {
  /** IP's protocol number: 6 or 17. */
  readonly protocol: number
  readonly port: number
}

export interface LoadBalancer {
  readonly id: string
  readonly vni: number
  readonly ip: Address
  readonly ports: readonly BalancedPort[]
  readonly underlay: Address
  /** Underlay addresses of the backends' prefixes, by their text. */
  readonly targets: Map<string, Address>
}

/** A prefix that reaches a guest: a route of its own (`prefix`), or only through a load balancer (`lbprefix`). */
export interface GuestPrefix {
  readonly guest: Guest
  readonly prefix: Prefix
  readonly underlay: Address
}

/** One address outside for one guest inside. */
export interface VirtualIp {
  readonly guest: Guest
  readonly ip: string
  readonly underlay: Address
}

export interface Firewall {
  readonly guest: Guest
  /** By rule id, in the order in which they were made. */
  readonly rules: Map<string, FirewallRuleResult>
}

/** The functions of one VNI; keys are interface ids where nothing else is said. */
export class Functions {
  readonly vni: number
  readonly nats = new Map<string, Nat>()
  readonly neighborNats = new Map<string, NeighborNat>()
  readonly virtualIps = new Map<string, VirtualIp>()
  /** By interface id and prefix. */
  readonly prefixes = new Map<string, GuestPrefix>()
  /** By interface id and prefix. */
  readonly balancedPrefixes = new Map<string, GuestPrefix>()
  /** By the load balancer's id. */
  readonly loadBalancers = new Map<string, LoadBalancer>()
  readonly firewalls = new Map<string, Firewall>()

  constructor(vni: number) {
    this.vni = vni
  }

  /** Forgets everything, and returns the underlay addresses that are free by that. */
  clear(): Address[] {
    const freed = this.underlays()
    this.neighborNats.clear()
    this.firewalls.clear()
    for (const map of [this.nats, this.virtualIps, this.prefixes, this.balancedPrefixes, this.loadBalancers])
      map.clear()
    return freed
  }

  /** Forgets what an interface had, and returns the underlay addresses that are free by that. */
  forgetGuest(id: string): Address[] {
    const { nats, virtualIps, prefixes, balancedPrefixes, firewalls } = this
    firewalls.delete(id)
    return [nats, virtualIps, prefixes, balancedPrefixes].flatMap((map: Map<string, Owned>) =>
      [...map]
        .filter(([, { guest }]) => guest.id === id)
        .map(([key, { underlay }]) => {
          map.delete(key)
          return underlay
        }),
    )
  }

  /** Addresses of the underlay that these functions have here. */
  underlays(): Address[] {
    const { nats, virtualIps, prefixes, balancedPrefixes, loadBalancers } = this
    return [nats, virtualIps, prefixes, balancedPrefixes, loadBalancers].flatMap((map) =>
      [...map.values()].map(({ underlay }) => underlay),
    )
  }
}

interface Owned {
  readonly guest: Guest
  readonly underlay: Address
}

/** The service as a network function sees it. */
export interface Site {
  readonly ipv6Overlay: boolean
  /** @throws ServiceError NO_VM */
  guest(id: string): Guest
  /** @throws ServiceError NO_VNI */
  functions(vni: number): Functions
  all(): Functions[]
  /** Has the kernel do what the state of `vni` says. */
  apply(vni: number): Promise<void>
  /** Drops what the kernel remembers of connections with an address. */
  forgetConnections(vni: number, address: string): Promise<void>
  /** An underlay address of this hypervisor, the wanted one or a free one. @throws ServiceError VNF_INSERT */
  claim(vni: number, wanted: string): Promise<Address>
  release(address: Address): Promise<void>
}

/** Adds an entry and applies; takes both back when the kernel refuses. */
export async function put<V>(
  site: Site,
  vni: number,
  map: Map<string, V>,
  key: string,
  value: V,
): Promise<void> {
  map.set(key, value)
  try {
    await site.apply(vni)
  } catch (error) {
    map.delete(key)
    throw error
  }
}

/** As {@link put} for something that has an underlay address of its own, which is claimed for it. */
export async function putClaimed<V>(
  site: Site,
  vni: number,
  wanted: string,
  entry: { readonly map: Map<string, V>; readonly key: string; readonly make: (underlay: Address) => V },
): Promise<V> {
  const underlay = await site.claim(vni, wanted)
  try {
    const value = entry.make(underlay)
    await put(site, vni, entry.map, entry.key, value)
    return value
  } catch (error) {
    await site.release(underlay)
    throw error
  }
}

/** Removes an entry, applies, and gives its underlay address back. */
export async function take<V extends { readonly underlay: Address }>(
  site: Site,
  vni: number,
  map: Map<string, V>,
  key: string,
): Promise<void> {
  const value = map.get(key)
  if (!value) return
  map.delete(key)
  try {
    await site.apply(vni)
  } catch (error) {
    map.set(key, value)
    throw error
  }
  await site.release(value.underlay)
}
