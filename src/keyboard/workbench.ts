/**
 * All machines of a config, for a prompt: connected as they are, with the data plane that a run has left, and none deployed.
 * What is changed is in the journal first and put back at the end, so nobody else may use the environment meanwhile: it is leased.
 */
import { randomBytes } from 'node:crypto'
import { type BenchConfig, environmentFolder } from '../config/index.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { DpbenchError } from '../core/errors.ts'
import { type Journal, openJournal } from '../core/journal.ts'
import { together } from '../core/together.ts'
import type { UndoLog } from '../dataplane/dataplane.ts'
import { journalFile, leaseFile, undoLogOf } from '../environment/environment.ts'
import { leaseHypervisors } from '../environment/hypervisor-lease.ts'
import { type KeptSide, keptSide } from '../environment/kept-side.ts'
import { acquireLease } from '../environment/lease.ts'
import { undoRuns } from '../environment/run-undo.ts'
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

export interface Workbench extends KeptSide, AsyncDisposable {
  readonly hypervisors: ReadonlyMap<string, Hypervisor>
  readonly vms: ReadonlyMap<string, VirtualMachine>
  /** Takes what the prompt makes; what is in it at the end is put back. */
  readonly undoLog: UndoLog
  /** What is asked of the machines from now on ends with `signal`. */
  use(signal: AbortSignal): void
}

const promptPrefix = 'repl-'

export function newPromptId(): string {
  return promptPrefix + randomBytes(4).toString('hex')
}

/** @throws DpbenchError when a run uses the environment; ConfigError, HostKeyError, ConnectionError */
export async function openWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const { config, runId, log, signal } = options
  const folder = environmentFolder(process.cwd(), config.name)
  const stack = new DisposalStack()
  try {
    stack.use(await acquireLease(leaseFile(folder), runId, { signal }))
    const journal = await openJournal(journalFile(folder))
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
          return [vm.name, stack.use(connected)] as const
        }),
      ),
    )
    const connected = { hypervisors, vms }
    await putBackPrompts(journal, connected, log)
    const undoLogs = (runId: string): UndoLog => undoLogOf(journal, { config, runId })
    const side = await keptSide({ config, journal, signal, runId, undoLogOf: undoLogs }, connected)
    const machines: Machine[] = [...hypervisors.values(), ...vms.values()]
    const use = (signal: AbortSignal): void => {
      for (const machine of machines) machine.during({ signal, log })
    }
    use(signal)
    await together([...vms.values()].map((vm) => vm.attend()))
    stack.defer(async () => {
      const own = journal.pending('run').filter((entry) => entry.runId === runId)
      const { left } = await undoRuns(journal, own, { hypervisors, guests: vms, log })
      if (left.length === 0) return
      throw new DpbenchError('could not be put back (it stays in the journal, the next run tries again)')
    })
    stack.defer(() => together(machines.map((machine) => machine.putBack())))
    return {
      ...connected,
      ...side,
      undoLog: undoLogs(runId),
      use,
      [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
    }
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

/** What a prompt that was killed has left; what a run has left stays. */
async function putBackPrompts(
  journal: Journal,
  connected: Pick<Workbench, 'hypervisors' | 'vms'>,
  log: (line: string) => void,
): Promise<void> {
  const stale = journal.pending('run').filter(({ runId }) => runId.startsWith(promptPrefix))
  if (stale.length === 0) return
  log(`putting back what an earlier prompt left: ${stale.map(({ what }) => what).join(', ')}`)
  const { hypervisors, vms: guests } = connected
  await undoRuns(journal, stale, { hypervisors, guests, log })
}
