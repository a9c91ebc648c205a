/** Chooses machines by where they are and what the config gives them, so that a suite runs on any config. */
import type { BenchConfig } from '../config/index.ts'
import type { LoadBalancerRequest, NatRequest } from '../dataplane/network-functions.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { Family, VirtualMachine } from '../machine/virtual-machine.ts'

export interface Path {
  readonly from: VirtualMachine
  readonly to: VirtualMachine
}

export interface NatPath extends Path {
  /** Of `from`. */
  readonly nat: Pick<NatRequest, 'address' | 'ports'>
}

export interface BalancedPath {
  readonly from: VirtualMachine
  /** One at least. */
  readonly backends: readonly [VirtualMachine, ...VirtualMachine[]]
  /** Of the load balancer's address. */
  readonly family: Family
  readonly balancer: Omit<LoadBalancerRequest, 'backends' | 'clients'>
}

/** Roles are words that the config gives hypervisors; without one any hypervisor will do. */
export interface RolesAcross {
  readonly from?: string
  readonly to?: string
}

/** The machines of an environment with its config. */
export interface Machines {
  readonly config: BenchConfig
  readonly hypervisors: ReadonlyMap<string, Hypervisor>
  readonly vms: ReadonlyMap<string, VirtualMachine>
}

/** The first two VMs of a hypervisor and of one network; `undefined` when the config has no such pair. */
export function onOneHypervisor(machines: Machines, role?: string): Path | undefined {
  const vms = withRole(machines, role)
  for (const [index, from] of vms.entries()) {
    const to = vms
      .slice(index + 1)
      .find((vm) => vm.hypervisor === from.hypervisor && vm.data.vni === from.data.vni)
    if (to) return { from, to }
  }
  return undefined
}

/** To the first VM from the first on another hypervisor: vm3 → vm1; `undefined` when the config has no such pair. */
export function acrossHypervisors(machines: Machines, roles: RolesAcross = {}): Path | undefined {
  const senders = withRole(machines, roles.from)
  for (const to of withRole(machines, roles.to)) {
    const from = senders.find((vm) => isAcross(vm, to))
    if (from) return { from, to }
  }
  return undefined
}

/** From the first VM that the config gives a NAT to the first VM of its network on another hypervisor. */
export function behindNat({ config, vms }: Machines): NatPath | undefined {
  for (const { name, nat } of config.hypervisors.flatMap((hypervisor) => hypervisor.vms)) {
    const from = vms.get(name)
    const to = from && [...vms.values()].find((vm) => isAcross(vm, from))
    if (from && to && nat) return { from, to, nat: { address: nat.ip, ports: nat.ports } }
  }
  return undefined
}

/**
 * From a VM to the first `count` machines of the config's load balancer: from one that is not behind it, if it can be on a
 * hypervisor that does not hold the load balancer. A string says what the config lacks.
 */
export function loadBalanced({ config, hypervisors, vms }: Machines, count: number): BalancedPath | string {
  const { loadBalancer } = config
  if (!loadBalancer) return 'the config has no "lb"'
  const { name, ip: address, ports, vni, nodes, machines } = loadBalancer
  if (machines.length < count) {
    return `the config's lb has ${machines.length} of the ${count} VMs that this needs in "lb_machines"`
  }
  const backends = machines.slice(0, count).flatMap((machine) => vms.get(machine) ?? [])
  const clients = [...vms.values()].filter((vm) => vm.data.vni === vni && !backends.includes(vm))
  const from = clients.find((vm) => !nodes.includes(vm.hypervisor.name)) ?? clients[0]
  const [first, ...others] = backends
  if (!from || !first) return `the config has no VM in VNI ${vni} that is not behind the lb`
  const holders = nodes.flatMap((node) => hypervisors.get(node) ?? [])
  const family = address.includes(':') ? 'ipv6' : 'ipv4'
  return {
    from,
    backends: [first, ...others],
    family,
    balancer: { name, address, ports, vni, nodes: holders },
  }
}

function withRole({ config, vms }: Machines, role: string | undefined): VirtualMachine[] {
  const names = new Set(
    config.hypervisors.filter((each) => role === undefined || each.role === role).map((each) => each.name),
  )
  return [...vms.values()].filter((vm) => names.has(vm.hypervisor.name))
}

function isAcross(a: VirtualMachine, b: VirtualMachine): boolean {
  return a.data.vni === b.data.vni && a.hypervisor !== b.hypervisor
}
