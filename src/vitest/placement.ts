/** Chooses machines by where they are, so that a suite runs on any config. Defaults fall on vm1, vm2 and vm3. */
import type { VirtualMachine } from '../machine/virtual-machine.ts'

export interface Path {
  readonly from: VirtualMachine
  readonly to: VirtualMachine
}

/** The first two VMs of a hypervisor and of one network; `undefined` when the config has no such pair. */
export function onOneHypervisor(vms: Iterable<VirtualMachine>): Path | undefined {
  return firstPath([...vms], (a, b) => a.hypervisor === b.hypervisor)
}

/** From a VM of a later hypervisor to the first VM: vm3 → vm1; `undefined` when the config has no such pair. */
export function acrossHypervisors(vms: Iterable<VirtualMachine>): Path | undefined {
  const path = firstPath([...vms], (a, b) => a.hypervisor !== b.hypervisor)
  return path && { from: path.to, to: path.from }
}

function firstPath(
  vms: readonly VirtualMachine[],
  fits: (a: VirtualMachine, b: VirtualMachine) => boolean,
): Path | undefined {
  for (const [index, from] of vms.entries()) {
    const to = vms.slice(index + 1).find((other) => other.data.vni === from.data.vni && fits(from, other))
    if (to) return { from, to }
  }
  return undefined
}
