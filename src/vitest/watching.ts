/**
 * The watchdog over all machines of a test: it looks when a test begins and ends, after each repetition, and while a test
 * waits for a VM. Between, and so in a measured window, it does nothing on any machine.
 */
import { together } from '../core/together.ts'
import type { Environment } from '../environment/environment.ts'
import { KernelWatch, refuseTrouble } from '../machine/watchdog.ts'

type Machines = Pick<Environment, 'hypervisors' | 'vms'>

const hypervisorWatches = new WeakMap<object, KernelWatch>()

/** From here on what a kernel says is the test's, and waits for the console begin. */
export async function beginWatching(environment: Machines): Promise<void> {
  await together([
    ...watches(environment).map((watch) => watch.begin()),
    ...[...environment.vms.values()].map((vm) => vm.attend()),
  ])
}

/** @throws MachineError with the lines of each machine whose kernel has reported trouble since the last look */
export async function refuseKernelTrouble(environment: Machines): Promise<void> {
  await refuseTrouble(watches(environment))
}

function watches({ hypervisors, vms }: Machines): KernelWatch[] {
  const ofHypervisors = [...hypervisors.values()].map((host) => {
    const watch = hypervisorWatches.get(host) ?? KernelWatch.ofHypervisor(host)
    hypervisorWatches.set(host, watch)
    return watch
  })
  return [...ofHypervisors, ...[...vms.values()].map((vm) => vm.kernelWatch)]
}
