/** The libvirt domain of a VM, when dpbench made it: its label holds the host key that the VM is known by. */
import { MachineError } from '../core/errors.ts'
import type { RemoteHost } from '../transport/host.ts'
import type { Domain } from '../transport/libvirt/documents.ts'
import { Virsh } from '../transport/libvirt/virsh.ts'
import type { HostAddress } from '../transport/ssh/address.ts'
import { isPinned, resolveHostKey } from '../transport/ssh/host-key.ts'

/** A VM by what its domain is found by. */
export interface DomainOwner {
  readonly name: string
  readonly hypervisor: { readonly name: string; readonly ssh: RemoteHost }
  readonly address: HostAddress
}

/**
 * The domain as it runs, or as it is defined when it is off; `undefined` when the hypervisor has none of that name.
 * @throws MachineError when the domain of that name is not the VM that dpbench made
 */
export async function ownDomain(vm: DomainOwner): Promise<Domain | undefined> {
  const domain = await new Virsh(vm.hypervisor.ssh).domain(vm.name, 'live')
  if (!domain) return undefined
  if (await isOwn(vm, domain)) return domain
  throw new MachineError(
    `the domain ${vm.name} on ${vm.hypervisor.name} was not made by dpbench, or is another VM than the config's ` +
      `(its label is not that of ${vm.name}'s host key), and is not touched; give the VM a name of its own, or provision it`,
  )
}

/** @throws MachineError when there is no such domain, saying what cannot be done */
export async function requireDomain(vm: DomainOwner, purpose: string): Promise<Domain> {
  const domain = await ownDomain(vm)
  if (domain) return domain
  throw new MachineError(
    `${vm.name} is no libvirt domain on ${vm.hypervisor.name} (a namespace guest of a lab is none), so ${purpose}`,
  )
}

export async function isRunning({ name, hypervisor }: DomainOwner): Promise<boolean> {
  return (await new Virsh(hypervisor.ssh).domainNames('running')).includes(name)
}

async function isOwn({ address }: DomainOwner, { provisioned }: Domain): Promise<boolean> {
  const blob = provisioned?.hostKey.split(/\s+/)[1]
  if (blob === undefined) return false
  return isPinned(Buffer.from(blob, 'base64'), await resolveHostKey(address, address.hostKey))
}
