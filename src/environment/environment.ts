/**
 * An environment, open for a run in one mode: the lease held, machines connected, the data plane deployed, guests
 * made ready. Everything that it changes is in the journal first; closing it replays the journal.
 */
import { join } from 'node:path'
import type { BenchConfig, RunMode } from '../config/index.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { DpbenchError, describeError } from '../core/errors.ts'
import { type Observe, asPhase } from '../core/steps.ts'
import { together } from '../core/together.ts'
import { type Journal, type JournalEntry, openJournal } from '../core/journal.ts'
import { leftSentences } from '../core/undo.ts'
import type { KeepLog } from '../core/kept-log.ts'
import type { DeployedDataplane, UndoLog } from '../dataplane/dataplane.ts'
import type { PreparedGuest } from '../machine/guest-preparation.ts'
import { Hypervisor } from '../machine/hypervisor.ts'
import { type Family, VirtualMachine } from '../machine/virtual-machine.ts'
import type { BuiltImage } from '../transport/docker/build.ts'
import type { Instead } from '../transport/instead.ts'
import { hypervisorAddress, journalHost } from './addresses.ts'
import { type Change, makeChange } from './changes.ts'
import type { MachineDescription } from './describe.ts'
import { addLoopbackAddress } from './guest-address.ts'
import { type Reached, connectHypervisors, connectVms } from './connect-machines.ts'
import { leaseHypervisors } from './hypervisor-lease.ts'
import { acquireLease } from './lease.ts'
import { type GuestReboot, rebootGuests } from './reboots.ts'
import { LeakWatch } from './leaks.ts'
import { RunLogs } from './run-logs.ts'
import { type UndoRunOptions, isKept, undoRuns } from './run-undo.ts'
import { trafficNic } from './plain-guests.ts'
import { markTestCommands, testCommandsKind } from './test-commands.ts'
import { beginImages, refuseNamesTaken, trafficSide } from './traffic-side.ts'

export interface EnvironmentOptions {
  readonly config: BenchConfig
  readonly mode: RunMode
  /** The data plane's image; none where the config has no data plane. */
  readonly image?: string | undefined
  /** The image as it was built on the controller; without it `image` is pulled. */
  readonly built?: BuiltImage | undefined
  /** Whether the VMs are rebooted before the data plane is deployed. */
  readonly reboot?: boolean | undefined
  readonly runId: string
  /** How long to wait for hypervisors that somebody else uses, in seconds. Default 0. */
  readonly waitForLease?: number | undefined
  /** `<project>/.dpbench/<environment>`: journal and lease. */
  readonly folder: string
  readonly log: (line: string) => void
  /** Takes the logs of the data plane and the guests when the environment closes, or could not be opened. */
  readonly keepLog: KeepLog
  /** Takes what is left on the machines once everything was put back, a sentence per machine. Default: closing fails with it. */
  readonly onLeaks?: (leaks: readonly string[]) => void | Promise<void>
  /** Is told of a failure outside of tests before anything else is put back, with the machines that were reached. It throws nothing. */
  readonly onTrouble?: ((occasion: string, error: unknown, reached: Reached) => Promise<void>) | undefined
  readonly signal?: AbortSignal | undefined
  /** Is told of everything that is done on the machines. */
  readonly observe?: Observe | undefined
  /** Default: the file in `folder`. */
  readonly journal?: Journal | undefined
  /** Takes the place of all connections: of a plan. */
  readonly instead?: Instead | undefined
}

export const journalFile = (folder: string): string => join(folder, 'journal.jsonl')
export const leaseFile = (folder: string): string => join(folder, 'lease.json')

/** The occasion of a flight recording: the journal has what is left. */
export const notPutBack = 'something could not be put back'

type Parts = Pick<
  Environment,
  'hypervisors' | 'vms' | 'guests' | 'dataplane' | 'machines' | 'reboots' | 'requireLeases'
>

export class Environment implements AsyncDisposable {
  readonly config: BenchConfig
  readonly mode: RunMode
  readonly hypervisors: ReadonlyMap<string, Hypervisor>
  readonly vms: ReadonlyMap<string, VirtualMachine>
  /** By name, the NIC that traffic uses; without a data plane known once `locate` was asked. */
  readonly guests: Map<string, PreparedGuest>
  readonly dataplane: DeployedDataplane
  readonly machines: readonly MachineDescription[]
  /** Of this mode, when it was asked for. */
  readonly reboots: readonly GuestReboot[]
  /** @throws DpbenchError when a hypervisor may be used by somebody else by now */
  readonly requireLeases: () => void
  /** Of suites, by machine and name: made once, taken back when it closes. */
  readonly lastingChanges = new Map<string, Promise<() => Promise<void>>>()
  private readonly keeping: { kept: boolean }
  private readonly undoLog: UndoLog
  private readonly observe: Observe | undefined
  private readonly stack: DisposalStack

  private constructor(
    { config, mode, observe }: EnvironmentOptions,
    parts: Parts & { readonly keeping: { kept: boolean } },
    undoLog: UndoLog,
    stack: DisposalStack,
  ) {
    this.config = config
    this.mode = mode
    this.hypervisors = parts.hypervisors
    this.vms = parts.vms
    this.guests = parts.guests
    this.dataplane = parts.dataplane
    this.machines = parts.machines
    this.reboots = parts.reboots
    this.requireLeases = parts.requireLeases
    this.keeping = parts.keeping
    this.undoLog = undoLog
    this.observe = observe
    this.stack = stack
  }

  /** @throws DpbenchError of the part that failed, after everything that was done so far is undone */
  static async open(options: EnvironmentOptions): Promise<Environment> {
    const stack = new DisposalStack()
    const reached: Reached = { hypervisors: new Map(), vms: new Map(), leased: false }
    try {
      return await asPhase(
        options.observe,
        'open the environment',
        () => Environment.openOn(stack, options, reached),
        options.signal,
      )
    } catch (error) {
      await options.onTrouble?.('the environment could not be opened', error, reached)
      try {
        await stack[Symbol.asyncDispose]()
      } catch (undoing) {
        options.log(`undoing failed: ${describeError(undoing)}`) // and stays in the journal; the cause is what is thrown
      }
      throw error
    }
  }

  private static async openOn(
    stack: DisposalStack,
    options: EnvironmentOptions,
    reached: Reached,
  ): Promise<Environment> {
    const { config, folder, runId, signal, observe } = options
    stack.use(await acquireLease(leaseFile(folder), runId, { signal }))
    const journal = options.journal ?? (await openJournal(journalFile(folder)))
    const hypervisors = await connectHypervisors(options, stack, reached)
    const connections = [...hypervisors.values()].map(({ ssh }) => ssh)
    const requireLeases = await leaseHypervisors(connections, options, stack)
    reached.leased = true
    await undoStale(journal, options, hypervisors)
    await refuseNamesTaken(options, hypervisors)
    const undoLog = undoLogOf(journal, options)
    const images = await beginImages(options, hypervisors, undoLog, stack)
    const logs = new RunLogs(options)
    stack.defer(() => logs.keepConsoles())
    const marking = config.hypervisors.map(({ name, vms }) =>
      logs.begin(
        hypervisors.get(name)!.ssh,
        vms.map((vm) => vm.name),
      ),
    )
    const [vms] = await together([connectVms(options, stack, logs, reached), together(marking)])
    const reboots = options.reboot ? await rebootGuests(vms, options) : []
    const keeping = { kept: false }
    const machines = [...hypervisors.values(), ...vms.values()]
    const leaks = await asPhase(observe, 'look at what is on the machines', () =>
      LeakWatch.begin(
        machines.map((machine) => () => machine.ssh),
        options,
      ),
    )
    const connected = { hypervisors, guests: vms }
    markTestCommands(machines, undoLog, runId)
    stack.defer(async () => {
      if (!keeping.kept)
        await undoOwn(journal, options, connected, ({ undo }) => undo.kind === testCommandsKind)
    })
    stack.defer(async () => {
      if (keeping.kept) return
      await asPhase(observe, 'look for leaks', () => leaks.end())
    })
    stack.defer(async () => {
      if (keeping.kept) return
      try {
        await asPhase(observe, 'put everything back', () =>
          undoOwn(journal, options, connected, ({ undo }) => undo.kind !== testCommandsKind),
        )
      } catch (error) {
        await options.onTrouble?.(notPutBack, error, reached)
        throw error
      }
    })
    const side = await trafficSide(options, { hypervisors, vms, reboots, images }, undoLog, stack)
    for (const vm of vms.values()) stack.defer(() => (keeping.kept ? undefined : vm.putBack()))
    const parts = { hypervisors, vms, reboots, requireLeases, ...side }
    return new Environment(options, { ...parts, keeping }, undoLog, stack)
  }

  /**
   * Gives a guest an address on its loopback interface; returns the undo, which may be called more than once.
   * @param address with its prefix length
   * @throws CommandError
   */
  addLoopbackAddress(vm: VirtualMachine, address: string): Promise<() => Promise<void>> {
    return addLoopbackAddress(this.undoLog, vm, address)
  }

  /** A change of a suite's own on a machine; returns its undo, which may be called more than once. @throws CommandError */
  change(machine: VirtualMachine | Hypervisor, change: Change): Promise<() => Promise<void>> {
    return makeChange(this.undoLog, machine, change)
  }

  /**
   * Where the data plane does not say it: finds the NICs that have the VMs' addresses, for `guests`.
   * @throws MeasurementError when a VM does not have its address
   */
  async locate(vms: readonly VirtualMachine[], family: Family): Promise<void> {
    if (this.config.dataplane !== 'none') return
    await together(vms.map(async (vm) => this.guests.set(vm.name, await trafficNic(vm, family))))
  }

  /** From now on closing leaves what was made as it is; it stays in the journal, for the next run to put back. */
  keep(): void {
    this.keeping.kept = true
  }

  /** Puts everything back and closes the connections, once. */
  [Symbol.asyncDispose](): Promise<void> {
    return asPhase(this.observe, 'close the environment', () => this.stack[Symbol.asyncDispose]())
  }
}

export function undoLogOf(
  journal: Journal,
  { config, runId }: Pick<EnvironmentOptions, 'config' | 'runId'>,
): UndoLog {
  const hosts = new Map(
    config.hypervisors.map((each) => [each.name, journalHost(hypervisorAddress(config, each))]),
  )
  return {
    async record({ hypervisor, what, undo }) {
      const host = hosts.get(hypervisor)
      if (!host) throw new TypeError(`${hypervisor} is not in the config`)
      const kept = journal.pending('run').find((entry) => isKept(entry) && entry.what === what)
      const id = kept?.id ?? (await journal.record({ runId, scope: 'run', host, what, undo }))
      return { done: () => journal.markUndone(id) }
    },
  }
}

/** What a run that was killed has left is put back before this one begins. */
async function undoStale(
  journal: Journal,
  { runId, log, observe, instead }: EnvironmentOptions,
  hypervisors: ReadonlyMap<string, Hypervisor>,
): Promise<void> {
  const stale = journal.pending('run').filter((entry) => entry.runId !== runId && !isKept(entry))
  if (stale.length === 0) return
  log(`putting back what an earlier run left: ${stale.map((entry) => entry.what).join(', ')}`)
  const { left } = await undoRuns(journal, stale, { hypervisors, log, ...(instead && { observe, instead }) })
  refuseLeftovers(leftSentences(left))
}

/** Images stay at least until the whole run ends: the next mode needs them again. */
async function undoOwn(
  journal: Journal,
  { runId, log, keepLog }: EnvironmentOptions,
  connected: Pick<UndoRunOptions, 'hypervisors' | 'guests'>,
  chosen: (entry: JournalEntry) => boolean,
): Promise<void> {
  const own = journal
    .pending('run')
    .filter(
      (entry) => entry.runId === runId && entry.undo.kind !== 'image' && !isKept(entry) && chosen(entry),
    )
  if (own.length === 0) return
  const { left } = await undoRuns(journal, own, { ...connected, log, keepLog })
  refuseLeftovers(leftSentences(left))
}

function refuseLeftovers(left: readonly string[]): void {
  if (left.length === 0) return
  throw new DpbenchError(
    `could not be put back (it stays in the journal, the next run tries again): ${left.join('; ')}`,
  )
}
