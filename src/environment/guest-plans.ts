/** What each guest of an environment is to be made ready with, its undo recorded with the environment's. */
import { together } from '../core/together.ts'
import type { UndoLog } from '../dataplane/dataplane.ts'
import { type PlannedPreparation, type RecordUndo, planPreparation } from '../machine/guest-preparation.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import type { EnvironmentOptions } from './environment.ts'
import { recordGuestUndo } from './guest-address.ts'

/** By name. Nothing is changed yet. */
export async function planPreparations(
  { config, signal, runId }: Pick<EnvironmentOptions, 'config' | 'signal' | 'runId'>,
  vms: ReadonlyMap<string, VirtualMachine>,
  undoLog: UndoLog,
): Promise<Map<string, PlannedPreparation>> {
  const withIpv6 = new Map(
    config.hypervisors.map(({ name, dpservice }) => [
      name,
      dpservice.arguments.includes('--enable-ipv6-overlay'),
    ]),
  )
  const planned = [...vms.values()].map(async (vm) => {
    const recordUndo: RecordUndo = async ({ what, commands }, boot) => {
      await recordGuestUndo(undoLog, vm, what, commands, boot)
    }
    const ipv6 = withIpv6.get(vm.hypervisor.name) ?? false
    return [vm.name, await planPreparation(vm, { signal, runId, ipv6, recordUndo })] as const
  })
  return new Map(await together(planned))
}
