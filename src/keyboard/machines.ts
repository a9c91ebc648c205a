/**
 * `dpbench ssh`, `console`, `mon`, `gdb`, `logs` and `repl`: a person at the machines of a config. Nothing is deployed, no
 * lease is taken: what runs there goes on, a run of the suites too.
 */
import { hypervisorAddress, vmAddress } from '../environment/addresses.ts'
import type { BenchConfig, HypervisorConfig, VmConfig } from '../config/index.ts'
import { UsageError } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'
import type { ConsoleGuest } from '../machine/console.ts'
import { Hypervisor } from '../machine/hypervisor.ts'
import { VirtualMachine } from '../machine/virtual-machine.ts'

/** A machine of the config: a hypervisor, or a VM on one. */
export interface Named {
  readonly config: BenchConfig
  readonly hypervisor: HypervisorConfig
  readonly vm?: VmConfig | undefined
}

/** @throws UsageError with the names that there are */
export function findMachine(
  config: BenchConfig,
  name: string | undefined,
  only: 'VM' | 'machine' = 'machine',
): Named {
  const vms = config.hypervisors.flatMap((hypervisor) =>
    hypervisor.vms.map((vm) => ({ config, hypervisor, vm })),
  )
  const hosts = config.hypervisors.map((hypervisor) => ({ config, hypervisor, vm: undefined }))
  const found = [...vms, ...hosts].find(({ hypervisor, vm }) => (vm ?? hypervisor).name === name)
  const names = [...vms, ...(only === 'VM' ? [] : hosts)].map(({ hypervisor, vm }) => (vm ?? hypervisor).name)
  if (name === undefined) throw new UsageError(`name a ${only}; there are: ${names.join(', ')}`)
  if (found && (found.vm || only === 'machine')) return found
  if (found)
    throw new UsageError(`${name} is a hypervisor, and this is for VMs; there are: ${names.join(', ')}`)
  const near = suggest(name, names)
  throw new UsageError(
    `the config has no ${only} ${name}${near === undefined ? '' : `: did you mean ${near}?`} There are: ${names.join(', ')}`,
  )
}

/** @throws HostKeyError, ConnectionError */
export function connectHypervisor({ config, hypervisor }: Named, signal: AbortSignal): Promise<Hypervisor> {
  return Hypervisor.connect(hypervisorAddress(config, hypervisor), { signal })
}

/** @throws ConfigError when the VM has not been provisioned; HostKeyError, ConnectionError */
export function connectVm(
  config: BenchConfig,
  vm: VmConfig,
  hypervisor: Hypervisor,
  signal: AbortSignal,
): Promise<VirtualMachine> {
  const { ipv4, ipv6, vni, macAddress, bridge, netdev } = vm
  const data = { ipv4, ipv6, vni, managementMac: macAddress, bridge, netdev }
  return VirtualMachine.connect(vmAddress(config, vm), hypervisor, data, { signal, timeoutMs: 30_000 })
}

/**
 * A VM by its domain, without a connection to its system: a guest that hangs has a console too.
 * @throws ConfigError when it has not been provisioned
 */
export function guestOf({ config, vm }: Named, hypervisor: Hypervisor, signal: AbortSignal): ConsoleGuest {
  return { name: vm!.name, hypervisor, address: vmAddress(config, vm!), signal }
}
