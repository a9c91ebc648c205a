/** Network functions as the suites see them, whoever implements them: something between VMs that keeps state per connection. */
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'

/** Lowest and highest, as the site's config has them; whether the highest is used is the data plane's affair. */
export type PortRange = readonly [min: number, max: number]

export interface NatRequest {
  /** Is behind the NAT. */
  readonly vm: VirtualMachine
  /** On another hypervisor and in the same virtual network: sees `address` where `vm` would be. */
  readonly peer: VirtualMachine
  /** IPv4. */
  readonly address: string
  readonly ports: PortRange
}

export interface BalancedPort {
  readonly protocol: 'TCP' | 'UDP'
  readonly port: number
}

export interface LoadBalancerRequest {
  /** Unique in the data plane. */
  readonly name: string
  /** The virtual address. Packets reach a backend with it as their destination, so each backend must have it. */
  readonly address: string
  readonly ports: readonly BalancedPort[]
  readonly vni: number
  /** The hypervisors that hold it, one at least. */
  readonly nodes: readonly Hypervisor[]
  readonly backends: readonly VirtualMachine[]
  /** Who is to reach it. */
  readonly clients: readonly VirtualMachine[]
}

/** One that was made, with all that leads to it. */
export interface NetworkFunction {
  /** @throws DeployError naming what the data plane no longer has as it was made */
  check(): Promise<void>
  /** Takes it back and makes it again: what it remembered of connections is gone. @throws DeployError, nothing of it is left then */
  reset(): Promise<void>
  /** May be called more than once. */
  undo(): Promise<void>
}

/** A data plane that has them. Whatever a call makes is in the journal first, and taken back when the call fails. */
export interface NetworkFunctions {
  /** @throws DeployError */
  nat(request: NatRequest): Promise<NetworkFunction>
  /** How many connections to one place a NAT with these ports holds at once. */
  natCapacity(ports: PortRange): number
  /** @throws DeployError */
  loadBalancer(request: LoadBalancerRequest): Promise<NetworkFunction>
}
