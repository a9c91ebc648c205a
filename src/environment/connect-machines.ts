/** Connections to all machines of a config. What was reached before one could not be is told too. */
import type { DisposalStack } from '../core/disposal-stack.ts'
import { together } from '../core/together.ts'
import { Hypervisor } from '../machine/hypervisor.ts'
import { VirtualMachine } from '../machine/virtual-machine.ts'
import { hypervisorAddress, vmAddress } from './addresses.ts'
import type { EnvironmentOptions } from './environment.ts'
import type { RunLogs } from './run-logs.ts'

/** As far as they were reached, by name. */
export interface Reached {
  readonly hypervisors: Map<string, Hypervisor>
  readonly vms: Map<string, VirtualMachine>
  /** Whether the hypervisors are this run's alone. */
  leased: boolean
}

/** @throws ConnectionError; AggregateError of several */
export async function connectHypervisors(
  { config, signal, observe, instead }: EnvironmentOptions,
  stack: DisposalStack,
  reached: Reached,
): Promise<ReadonlyMap<string, Hypervisor>> {
  await together(
    config.hypervisors.map(async (hypervisor) => {
      const address = hypervisorAddress(config, hypervisor)
      const connected = stack.use(await Hypervisor.connect(address, { signal, observe, instead }))
      reached.hypervisors.set(hypervisor.name, connected)
    }),
  )
  return inOrder(config.hypervisors, reached.hypervisors)
}

/** @throws ConnectionError; AggregateError of several */
export async function connectVms(
  { config, signal }: EnvironmentOptions,
  stack: DisposalStack,
  logs: RunLogs,
  { hypervisors, vms }: Reached,
): Promise<ReadonlyMap<string, VirtualMachine>> {
  const wanted = config.hypervisors.flatMap((hypervisor) => hypervisor.vms)
  await together(
    wanted.map(async (vm) => {
      const { ipv4, ipv6, vni, macAddress, bridge, netdev } = vm
      const connected = await VirtualMachine.connect(
        vmAddress(config, vm),
        hypervisors.get(vm.hypervisor)!,
        { ipv4, ipv6, vni, managementMac: macAddress, bridge, netdev },
        { signal, timeoutMs: 60_000 },
      )
      vms.set(vm.name, adopt(connected, stack, logs))
    }),
  )
  return inOrder(wanted, vms)
}

/** Closed with the environment, its journal kept before. */
function adopt(vm: VirtualMachine, stack: DisposalStack, logs: RunLogs): VirtualMachine {
  stack.use(vm)
  logs.follow(vm.name, vm)
  stack.defer(() => logs.keepJournals()) // of all, while all are connected: the last of them is given back first
  return vm
}

/** As the config has them, in whatever order they were reached. */
function inOrder<T>(
  wanted: readonly { readonly name: string }[],
  reached: ReadonlyMap<string, T>,
): Map<string, T> {
  return new Map(wanted.map(({ name }) => [name, reached.get(name)!]))
}
