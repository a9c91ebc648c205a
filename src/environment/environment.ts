/**
 * An environment, open for a run in one mode: the lease held, machines connected, the data plane deployed, guests
 * made ready. Everything that it changes is in the journal first; closing it replays the journal.
 */
import { join } from 'node:path'
import type { BenchConfig, Mode } from '../config/index.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { DpbenchError, describeError } from '../core/errors.ts'
import { type Observe, asPhase } from '../core/steps.ts'
import { together } from '../core/together.ts'
import { type Journal, openJournal } from '../core/journal.ts'
import type { KeepLog } from '../core/kept-log.ts'
import type { DeployedDataplane, UndoLog } from '../dataplane/dataplane.ts'
import { deployDpservice } from '../dataplane/dpservice/deploy.ts'
import type { PreparedGuest } from '../machine/guest-preparation.ts'
import { Hypervisor } from '../machine/hypervisor.ts'
import { VirtualMachine } from '../machine/virtual-machine.ts'
import { findCredentials } from '../transport/docker/credentials.ts'
import type { BuiltImage } from '../transport/docker/build.ts'
import { parseReference } from '../transport/docker/reference.ts'
import { Shipment } from '../transport/docker/ship.ts'
import { hypervisorAddress, journalHost, vmAddress } from './addresses.ts'
import { type MachineDescription, describeMachine } from './describe.ts'
import { addLoopbackAddress } from './guest-address.ts'
import { planPreparations } from './guest-plans.ts'
import { leaseHypervisors } from './hypervisor-lease.ts'
import { acquireLease } from './lease.ts'
import { serveMachines } from './machine-services.ts'
import { type GuestReboot, rebootGuests, tellLease } from './reboots.ts'
import { RunLogs } from './run-logs.ts'
import { type UndoRunOptions, isKept, undoRuns } from './run-undo.ts'

export interface EnvironmentOptions {
  readonly config: BenchConfig
  readonly mode: Mode
  /** The data plane's image. */
  readonly image: string
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
  readonly signal?: AbortSignal | undefined
  /** Is told of everything that is done on the machines. */
  readonly observe?: Observe | undefined
}

export const journalFile = (folder: string): string => join(folder, 'journal.jsonl')
export const leaseFile = (folder: string): string => join(folder, 'lease.json')

type Parts = Pick<
  Environment,
  'hypervisors' | 'vms' | 'guests' | 'dataplane' | 'machines' | 'reboots' | 'requireLeases'
>

export class Environment implements AsyncDisposable {
  readonly config: BenchConfig
  readonly mode: Mode
  readonly hypervisors: ReadonlyMap<string, Hypervisor>
  readonly vms: ReadonlyMap<string, VirtualMachine>
  readonly guests: ReadonlyMap<string, PreparedGuest>
  readonly dataplane: DeployedDataplane
  readonly machines: readonly MachineDescription[]
  /** Of this mode, when it was asked for. */
  readonly reboots: readonly GuestReboot[]
  /** @throws DpbenchError when a hypervisor may be used by somebody else by now */
  readonly requireLeases: () => void
  private readonly undoLog: UndoLog
  private readonly observe: Observe | undefined
  private readonly stack: DisposalStack

  private constructor(
    { config, mode, observe }: EnvironmentOptions,
    parts: Parts,
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
    this.undoLog = undoLog
    this.observe = observe
    this.stack = stack
  }

  /** @throws DpbenchError of the part that failed, after everything that was done so far is undone */
  static async open(options: EnvironmentOptions): Promise<Environment> {
    const stack = new DisposalStack()
    try {
      return await asPhase(
        options.observe,
        'open the environment',
        () => Environment.openOn(stack, options),
        options.signal,
      )
    } catch (error) {
      try {
        await stack[Symbol.asyncDispose]()
      } catch (undoing) {
        options.log(`undoing failed: ${describeError(undoing)}`) // and stays in the journal; the cause is what is thrown
      }
      throw error
    }
  }

  private static async openOn(stack: DisposalStack, options: EnvironmentOptions): Promise<Environment> {
    const { config, folder, runId, signal, log, observe } = options
    stack.use(await acquireLease(leaseFile(folder), runId, { signal }))
    const journal = await openJournal(journalFile(folder))
    const hypervisors = await connectHypervisors(options, stack)
    const connections = [...hypervisors.values()].map(({ ssh }) => ssh)
    const requireLeases = await leaseHypervisors(connections, options, stack)
    await undoStale(journal, options, hypervisors)
    const logs = new RunLogs(options)
    stack.defer(() => logs.keepConsoles())
    const marking = config.hypervisors.map(({ name, vms }) =>
      logs.begin(
        hypervisors.get(name)!.ssh,
        vms.map((vm) => vm.name),
      ),
    )
    const [vms] = await together([connectVms(options, hypervisors, stack, logs), together(marking)])
    const reboots = options.reboot ? await rebootGuests(vms, options) : []
    stack.defer(() =>
      asPhase(observe, 'put everything back', () => undoOwn(journal, options, { hypervisors, guests: vms })),
    )
    const undoLog = undoLogOf(journal, options)
    const deployments = config.hypervisors.map((hypervisor) => ({
      hypervisor: hypervisors.get(hypervisor.name)!,
      settings: hypervisor.dpservice,
      ports: hypervisor.vms.map((vm) => ({
        vm: vms.get(vm.name)!,
        device: (vm.device ?? vm.pciAddress)!,
        netdev: vm.netdev,
        bridge: vm.bridge,
      })),
    }))
    const hosts = [...hypervisors.values(), ...vms.values()].map(({ ssh }) => ssh)
    const planned = await planPreparations(options, vms, undoLog)
    serveMachines(vms, options, undoLog, planned)
    for (const vm of vms.values()) stack.defer(() => vm.putBack())
    const image = await imageOf(options, stack)
    const [dataplane, machines] = await together([
      asPhase(observe, `deploy dpservice on ${[...hypervisors.keys()].join(', ')}`, async () => {
        const deployed = await deployDpservice(deployments, { ...options, ...image, undoLog })
        stack.defer(() => deployed.release())
        return deployed
      }),
      together(hosts.map((host) => describeMachine(host))),
      asPhase(observe, `prepare the guests ${[...vms.keys()].join(', ')}`, () =>
        together([...planned.values()].map((guest) => guest.begin())),
      ),
    ])
    log('guests: data NICs up, asking for their leases')
    const asked = performance.now()
    const leases = [...planned].map(async ([name, guest]) => {
      const prepared = await guest.lease()
      tellLease(reboots, name, (performance.now() - asked) / 1000, log)
      return [name, prepared] as const
    })
    const guests = new Map(await asPhase(observe, "lease the guests' data NICs", () => together(leases)))
    const parts = { hypervisors, vms, guests, dataplane, machines, reboots, requireLeases }
    return new Environment(options, parts, undoLog, stack)
  }

  /**
   * Gives a guest an address on its loopback interface; returns the undo, which may be called more than once.
   * @param address with its prefix length
   * @throws CommandError
   */
  addLoopbackAddress(vm: VirtualMachine, address: string): Promise<() => Promise<void>> {
    return addLoopbackAddress(this.undoLog, vm, address)
  }

  /** Puts everything back and closes the connections, once. */
  [Symbol.asyncDispose](): Promise<void> {
    return asPhase(this.observe, 'close the environment', () => this.stack[Symbol.asyncDispose]())
  }
}

/** Where the data plane's image comes from. */
async function imageOf(
  { built, image, folder, observe }: EnvironmentOptions,
  stack: DisposalStack,
): Promise<{ shipment: Shipment } | { credentials: Awaited<ReturnType<typeof findCredentials>> }> {
  if (built) return { shipment: stack.use(new Shipment(built, join(folder, 'image'), observe)) }
  return { credentials: await findCredentials(parseReference(image).registry) }
}

async function connectHypervisors(
  { config, signal, observe }: EnvironmentOptions,
  stack: DisposalStack,
): Promise<Map<string, Hypervisor>> {
  return new Map(
    await together(
      config.hypervisors.map(async (hypervisor) => {
        const connected = stack.use(
          await Hypervisor.connect(hypervisorAddress(config, hypervisor), { signal, observe }),
        )
        return [hypervisor.name, connected] as const
      }),
    ),
  )
}

async function connectVms(
  { config, signal }: EnvironmentOptions,
  hypervisors: ReadonlyMap<string, Hypervisor>,
  stack: DisposalStack,
  logs: RunLogs,
): Promise<Map<string, VirtualMachine>> {
  const wanted = config.hypervisors.flatMap((hypervisor) => hypervisor.vms)
  const addresses = wanted.map((vm) => vmAddress(config, vm))
  return new Map(
    await together(
      wanted.map(async (vm, index) => {
        const { ipv4, ipv6, vni, macAddress, bridge, netdev } = vm
        const connected = await VirtualMachine.connect(
          addresses[index]!,
          hypervisors.get(vm.hypervisor)!,
          { ipv4, ipv6, vni, managementMac: macAddress, bridge, netdev },
          { signal, timeoutMs: 60_000 },
        )
        return [vm.name, adopt(connected, stack, logs)] as const
      }),
    ),
  )
}

/** Closed with the environment, its journal kept before. */
function adopt(vm: VirtualMachine, stack: DisposalStack, logs: RunLogs): VirtualMachine {
  stack.use(vm)
  logs.follow(vm.name, vm)
  stack.defer(() => logs.keepJournal(vm.name))
  return vm
}

function undoLogOf(journal: Journal, { config, runId }: EnvironmentOptions): UndoLog {
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
  { runId, log }: EnvironmentOptions,
  hypervisors: ReadonlyMap<string, Hypervisor>,
): Promise<void> {
  const stale = journal.pending('run').filter((entry) => entry.runId !== runId && !isKept(entry))
  if (stale.length === 0) return
  log(`putting back what an earlier run left: ${stale.map((entry) => entry.what).join(', ')}`)
  const { left } = await undoRuns(journal, stale, { hypervisors, log })
  refuseLeftovers(left.map(({ entry, reason }) => `${entry.what}: ${reason}`))
}

/** Images stay at least until the whole run ends: the next mode needs them again. */
async function undoOwn(
  journal: Journal,
  { runId, log, keepLog }: EnvironmentOptions,
  connected: Pick<UndoRunOptions, 'hypervisors' | 'guests'>,
): Promise<void> {
  const own = journal
    .pending('run')
    .filter((entry) => entry.runId === runId && entry.undo.kind !== 'image' && !isKept(entry))
  const { left } = await undoRuns(journal, own, { ...connected, log, keepLog })
  refuseLeftovers(left.map(({ entry, reason }) => `${entry.what}: ${reason}`))
}

function refuseLeftovers(left: readonly string[]): void {
  if (left.length === 0) return
  throw new DpbenchError(
    `could not be put back (it stays in the journal, the next run tries again): ${left.join('; ')}`,
  )
}
