/** Work folders of a run in the journal: on a hypervisor, on a VM behind one, or on the controller. */
import type { BenchConfig } from '../config/index.ts'
import type { Journal } from '../core/journal.ts'
import type { WorkFolder } from '../machine/work-folder.ts'
import { hypervisorAddress, journalHost, vmAddress } from './addresses.ts'

export const workFolderKind = 'work-folder'

/**
 * Writes it down before it is made. What it returns says that the folder is gone.
 * @param machine a name of the config; `undefined`: the controller
 */
export async function recordWorkFolder(
  journal: Journal,
  runId: string,
  { path, label }: WorkFolder,
  machine: { readonly config: BenchConfig; readonly name: string } | undefined,
): Promise<() => Promise<void>> {
  const id = await journal.record({
    runId,
    scope: 'run',
    what: `folder ${path} on ${machine?.name ?? 'the controller'}`,
    ...placeOf(machine, { kind: workFolderKind, path, label }),
  })
  return () => journal.markUndone(id)
}

function placeOf(
  machine: { readonly config: BenchConfig; readonly name: string } | undefined,
  undo: Readonly<Record<'kind' | 'path' | 'label', string>>,
): Pick<Parameters<Journal['record']>[0], 'host' | 'undo'> {
  if (!machine) return { undo }
  const { config, name } = machine
  const vm = config.hypervisors.flatMap((each) => each.vms).find((each) => each.name === name)
  const hypervisor = config.hypervisors.find((each) => each.name === (vm?.hypervisor ?? name))
  if (!hypervisor) throw new TypeError(`${name} is not in the config`)
  const host = journalHost(hypervisorAddress(config, hypervisor))
  return { host, undo: vm ? { ...undo, guest: { ...journalHost(vmAddress(config, vm)) } } : undo }
}
