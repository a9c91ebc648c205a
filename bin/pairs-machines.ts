/** The two machines of `dpbench pairs`, connected; with a mode the data plane is deployed between them for the time of it. */
import { type BenchConfig, type Mode, environmentFolder } from '../src/config/index.ts'
import { DisposalStack } from '../src/core/disposal-stack.ts'
import { DpbenchError, UsageError, describeError } from '../src/core/errors.ts'
import { type Journal, openJournal } from '../src/core/journal.ts'
import type { KeepLog } from '../src/core/kept-log.ts'
import { controller } from '../src/core/steps.ts'
import { together } from '../src/core/together.ts'
import {
  Environment,
  type EnvironmentOptions,
  journalFile,
  leaseFile,
} from '../src/environment/environment.ts'
import { leaseHypervisors } from '../src/environment/hypervisor-lease.ts'
import { acquireLease } from '../src/environment/lease.ts'
import { isKept, undoRuns } from '../src/environment/run-undo.ts'
import { connectMachine, putBackImages } from '../src/flow/machines.ts'
import type { Hypervisor } from '../src/machine/hypervisor.ts'
import { VirtualMachine } from '../src/machine/virtual-machine.ts'
import type { Side } from '../src/pairs/group.ts'
import type { PairMachine } from '../src/pairs/machines.ts'
import type { GroupOptions } from '../src/pairs/open-group.ts'
import {
  type Connected,
  journalFolders,
  pairMachines,
  requirePairMachines,
} from '../src/vitest/pair-machines.ts'

export interface PairMachinesOptions {
  /** Not needed where both sides are the controller. */
  readonly config: BenchConfig | undefined
  readonly names: Readonly<Record<Side, string>>
  readonly remoteAddress?: string | undefined
  readonly deploy?: { readonly mode: Mode; readonly image: string } | undefined
  readonly runId: string
  /** For hypervisors that somebody else uses, in seconds. */
  readonly waitForLease: number
  readonly log: (line: string) => void
  readonly keepLog: KeepLog
  /** Is told when what was to be deployed could not be. */
  readonly onTrouble?: EnvironmentOptions['onTrouble']
  readonly signal: AbortSignal
}

export interface OpenMachines extends AsyncDisposable {
  readonly machines: Readonly<Record<Side, PairMachine>>
  readonly journal: GroupOptions['journal']
}

/** Holds the environment's lease, and puts back what an earlier run left there. @throws DpbenchError of what failed */
export async function openPairMachines(options: PairMachinesOptions): Promise<OpenMachines> {
  const { config, names, runId, log } = options
  if (config) requirePairMachines(config, names)
  const folder = environmentFolder(process.cwd(), config?.name ?? controller)
  const stack = new DisposalStack()
  try {
    const connected = options.deploy
      ? await deployed(options, options.deploy, folder, stack)
      : await asTheyAre(options, folder, stack)
    const journal = await openJournal(journalFile(folder))
    const machines = await pairMachines(config, connected, options.remoteAddress)
    const apart = options.remoteAddress === undefined && apartWithout(connected, machines.remote.address)
    if (apart) log(apart)
    return {
      machines,
      journal: journalFolders(journal, runId, config, connected),
      [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
    }
  } catch (error) {
    await stack[Symbol.asyncDispose]().catch((undoing: unknown) => {
      log(`undoing failed: ${describeError(undoing)}`) // the cause is what is thrown
    })
    throw error
  }
}

async function deployed(
  options: PairMachinesOptions,
  { mode, image }: NonNullable<PairMachinesOptions['deploy']>,
  folder: string,
  stack: DisposalStack,
): Promise<Record<Side, Connected>> {
  const { config, names, log } = options
  if (!config) throw new UsageError('--mode deploys a data plane, and needs machines of a config')
  stack.defer(() => putBackImages(folder, options.runId, log))
  const environment = stack.use(await Environment.open({ ...options, config, mode, image, folder }))
  const find = (name: string): Connected => environment.vms.get(name) ?? environment.hypervisors.get(name)
  const connected = { local: find(names.local), remote: find(names.remote) }
  const { local, remote } = connected
  if (local instanceof VirtualMachine && remote instanceof VirtualMachine && local !== remote)
    stack.defer(await environment.dataplane.route(local, remote))
  return connected
}

async function asTheyAre(
  options: PairMachinesOptions,
  folder: string,
  stack: DisposalStack,
): Promise<Record<Side, Connected>> {
  const { config, names, runId, signal } = options
  stack.use(await acquireLease(leaseFile(folder), runId, { signal }))
  const hypervisors = new Map<string, Promise<Hypervisor>>()
  const connect = async (name: string): Promise<Connected> =>
    config && name !== controller ? connectMachine({ config, signal }, name, hypervisors, stack) : undefined
  const local = await connect(names.local)
  const remote = names.remote === names.local ? local : await connect(names.remote)
  const connections = (await together([...hypervisors.values()])).map(({ ssh }) => ssh)
  await leaseHypervisors(connections, options, stack)
  await undoStale(await openJournal(journalFile(folder)), options)
  return { local, remote }
}

/** A sentence where the remote VM's address leads nowhere from the local one: each hypervisor has a network of its own for them. */
function apartWithout({ local, remote }: Record<Side, Connected>, address: string): string | undefined {
  if (!(local instanceof VirtualMachine && remote instanceof VirtualMachine)) return undefined
  if (local.hypervisor === remote.hypervisor || address !== remote.ssh.address.address) return undefined
  return (
    `! ${remote.name} does not have its address in the overlay, so REMOTE_HOST is ${address}, which ${local.name} on another ` +
    'hypervisor may not reach: --mode deploys the data plane between them, --address names another way'
  )
}

/** What a run that was killed has left. */
async function undoStale(journal: Journal, { log }: PairMachinesOptions): Promise<void> {
  const stale = journal.pending('run').filter((entry) => !isKept(entry))
  if (stale.length === 0) return
  log(`putting back what an earlier run left: ${stale.map(({ what }) => what).join(', ')}`)
  const { left } = await undoRuns(journal, stale, { log })
  if (left.length === 0) return
  const what = left.map(({ entry, reason }) => `${entry.what}: ${reason}`).join('; ')
  throw new DpbenchError(`could not be put back (it stays in the journal): ${what}`)
}
