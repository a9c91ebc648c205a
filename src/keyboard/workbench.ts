/**
 * All machines of a config, for a prompt: connected as they are, with nothing deployed. What is changed on them is in the
 * journal first and put back at the end, so nobody else may use the environment meanwhile: it is leased.
 */
import { type BenchConfig, environmentFolder } from '../config/index.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { openJournal } from '../core/journal.ts'
import { together } from '../core/together.ts'
import { journalFile, leaseFile, undoLogOf } from '../environment/environment.ts'
import { leaseHypervisors } from '../environment/hypervisor-lease.ts'
import { acquireLease } from '../environment/lease.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { Machine } from '../machine/machine.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { connectHypervisor, connectVm } from './machines.ts'

export interface WorkbenchOptions {
  readonly config: BenchConfig
  readonly runId: string
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

export interface Workbench extends AsyncDisposable {
  readonly hypervisors: ReadonlyMap<string, Hypervisor>
  readonly vms: ReadonlyMap<string, VirtualMachine>
}

/** @throws DpbenchError when a run uses the environment; ConfigError, HostKeyError, ConnectionError */
export async function openWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const { config, runId, log, signal } = options
  const folder = environmentFolder(process.cwd(), config.name)
  const stack = new DisposalStack()
  try {
    stack.use(await acquireLease(leaseFile(folder), runId, { signal }))
    const undoLog = undoLogOf(await openJournal(journalFile(folder)), options)
    const hypervisors = new Map(
      await together(
        config.hypervisors.map(
          async (hypervisor) =>
            [hypervisor.name, stack.use(await connectHypervisor({ config, hypervisor }, signal))] as const,
        ),
      ),
    )
    const hosts = [...hypervisors.values()].map(({ ssh }) => ssh)
    await leaseHypervisors(hosts, options, stack)
    const wanted = config.hypervisors.flatMap(({ vms }) => vms)
    const vms = new Map(
      await together(
        wanted.map(async (vm) => {
          const connected = await connectVm(config, vm, hypervisors.get(vm.hypervisor)!, signal)
          connected.serve({
            bootTimeoutMs: config.libvirt.bootTimeoutSeconds * 1000,
            recordChange: (what, undo) => undoLog.record({ hypervisor: vm.hypervisor, what, undo }),
          })
          return [vm.name, stack.use(connected)] as const
        }),
      ),
    )
    const machines: Machine[] = [...hypervisors.values(), ...vms.values()]
    for (const machine of machines) machine.during({ signal, log })
    await together([...vms.values()].map((vm) => vm.attend()))
    stack.defer(() => together(machines.map((machine) => machine.putBack())))
    return { hypervisors, vms, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}
