/** From the config's machines to what the transport and the journal need of them. */
import type { BenchConfig, HypervisorConfig, VmConfig } from '../config/index.ts'
import { ConfigError } from '../core/errors.ts'
import type { HostAddress } from '../transport/ssh/address.ts'

export function hypervisorAddress(config: BenchConfig, hypervisor: HypervisorConfig): HostAddress {
  const { name, address, port, user, hostKey, sudo } = hypervisor
  return { name, address, port, user, keyFile: config.keyFile, hostKey, sudo }
}

/** @throws ConfigError when the VM has not been provisioned */
export function vmAddress(config: BenchConfig, vm: VmConfig): HostAddress {
  if (vm.address === undefined || vm.hostKey === undefined) {
    throw new ConfigError(
      `${vm.name} has no host_address and host_key yet: run \`npm run provision -- --disk-template <img>\` first`,
    )
  }
  return {
    name: vm.name,
    address: vm.address,
    port: 22,
    user: 'root',
    keyFile: config.keyFile,
    hostKey: vm.hostKey,
  }
}

export { journalHost } from '../transport/ssh/address.ts'
