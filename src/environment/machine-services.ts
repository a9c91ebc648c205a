/** What an environment does for its VMs while tests drive them: changes are journaled, and a fresh boot is made ready again. */
import type { UndoLog } from '../dataplane/dataplane.ts'
import type { PlannedPreparation } from '../machine/guest-preparation.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import type { EnvironmentOptions } from './environment.ts'
import { planPreparations } from './guest-plans.ts'

/**
 * @param planned how each guest was made ready; without it there is nothing that it has to be ready for
 * @param preparing takes what making a fresh boot ready changes. Default: `undoLog`
 */
export function serveMachines(
  vms: ReadonlyMap<string, VirtualMachine>,
  options: Pick<EnvironmentOptions, 'config' | 'signal' | 'runId'>,
  undoLog: UndoLog,
  planned?: ReadonlyMap<string, PlannedPreparation>,
  preparing: UndoLog = undoLog,
): void {
  const bootTimeoutMs = options.config.libvirt.bootTimeoutSeconds * 1000
  const ready = new Map(planned)
  for (const vm of vms.values()) {
    vm.serve({
      bootTimeoutMs,
      recordChange: (what, undo) => undoLog.record({ hypervisor: vm.hypervisor.name, what, undo }),
      ...(planned && {
        async prepare() {
          const again = (await planPreparations(options, new Map([[vm.name, vm]]), preparing)).get(vm.name)!
          ready.set(vm.name, again)
          await again.begin()
          await again.lease()
        },
        leaseBack: () => ready.get(vm.name)!.leaseBack(),
      }),
    })
  }
}
