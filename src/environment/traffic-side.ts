/** What carries the traffic of an environment: dpservice, deployed here with its guests leased; or nothing of ours. */
import { join } from 'node:path'
import type { BenchConfig } from '../config/index.ts'
import type { DisposalStack } from '../core/disposal-stack.ts'
import { UsageError } from '../core/errors.ts'
import { asPhase } from '../core/steps.ts'
import { together } from '../core/together.ts'
import type { DeployedDataplane, UndoLog } from '../dataplane/dataplane.ts'
import { type DpserviceDeployment, deployDpservice } from '../dataplane/dpservice/deploy.ts'
import { ImagesUnderWay } from '../dataplane/dpservice/images.ts'
import { refuseStrangers } from '../dataplane/dpservice/strangers.ts'
import { noDataplane } from '../dataplane/none.ts'
import type { PreparedGuest } from '../machine/guest-preparation.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { findCredentials } from '../transport/docker/credentials.ts'
import { parseReference } from '../transport/docker/reference.ts'
import { Shipment } from '../transport/docker/ship.ts'
import { type MachineDescription, describeMachine } from './describe.ts'
import type { EnvironmentOptions } from './environment.ts'
import { planPreparations } from './guest-plans.ts'
import { serveMachines } from './machine-services.ts'
import { recordProcesses } from './plain-guests.ts'
import { type GuestReboot, tellLease } from './reboots.ts'

export interface TrafficSide {
  readonly dataplane: DeployedDataplane
  /** By name, the NIC that traffic uses; without a data plane filled when it is looked up. */
  readonly guests: Map<string, PreparedGuest>
  readonly machines: readonly MachineDescription[]
}

export interface ConnectedMachines {
  readonly hypervisors: ReadonlyMap<string, Hypervisor>
  readonly vms: ReadonlyMap<string, VirtualMachine>
  readonly reboots: readonly GuestReboot[]
  /** With dpservice. */
  readonly images?: ImagesUnderWay | undefined
}

/** @throws DpbenchError of the part that failed; what was done until then is in the journal */
export async function trafficSide(
  options: EnvironmentOptions,
  machines: ConnectedMachines,
  undoLog: UndoLog,
  stack: DisposalStack,
): Promise<TrafficSide> {
  if (options.config.dataplane === 'none') return withoutDataplane(options, machines, undoLog)
  return withDpservice(options, machines, undoLog, stack)
}

/** Before anything is changed, a reboot too. @throws DeployError of what somebody else has under a name that is needed */
export async function refuseNamesTaken(
  { config }: EnvironmentOptions,
  hypervisors: ReadonlyMap<string, Hypervisor>,
): Promise<void> {
  if (config.dataplane === 'none') return
  await refuseStrangers(
    config.hypervisors.map(({ name, dpservice: settings, vms }) => ({
      hypervisor: hypervisors.get(name)!,
      settings,
      netdevs: vms.flatMap(({ netdev, bridge }) => (netdev && bridge ? [netdev] : [])),
    })),
  )
}

async function withoutDataplane(
  options: EnvironmentOptions,
  machines: ConnectedMachines,
  undoLog: UndoLog,
): Promise<TrafficSide> {
  const { config, runId } = options
  serveMachines(machines.vms, options, undoLog)
  const [described] = await together([
    describeAll(machines),
    recordProcesses(machines.vms.values(), undoLog, runId),
  ])
  return { dataplane: noDataplane(config.sourceFile), guests: new Map(), machines: described }
}

async function withDpservice(
  options: EnvironmentOptions,
  connected: ConnectedMachines,
  undoLog: UndoLog,
  stack: DisposalStack,
): Promise<TrafficSide> {
  const { config, observe, log, mode } = options
  const { hypervisors, vms, reboots, images } = connected
  if (mode === 'plain' || options.image === undefined || !images)
    throw new UsageError('dpservice is deployed in a mode and of an image: give --mode and --docker-image')
  const dpservice = { ...options, mode, image: options.image }
  const planned = await planPreparations(options, vms, undoLog)
  serveMachines(vms, options, undoLog, planned)
  const [dataplane, machines] = await together([
    asPhase(observe, `deploy dpservice on ${[...hypervisors.keys()].join(', ')}`, async () => {
      const deployed = await deployDpservice(deploymentsIn(config, connected), {
        ...dpservice,
        imageOn: (hypervisor) => images.on(hypervisor),
        undoLog,
      })
      stack.defer(() => deployed.release())
      return deployed
    }),
    describeAll(connected),
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
  return { dataplane, guests, machines }
}

/** What is to run on each hypervisor, with a port for each VM there. */
export function deploymentsIn(
  config: BenchConfig,
  { hypervisors, vms }: Pick<ConnectedMachines, 'hypervisors' | 'vms'>,
): DpserviceDeployment[] {
  return config.hypervisors.map((hypervisor) => ({
    hypervisor: hypervisors.get(hypervisor.name)!,
    settings: hypervisor.dpservice,
    ports: hypervisor.vms.map((vm) => ({
      vm: vms.get(vm.name)!,
      device: (vm.device ?? vm.pciAddress)!,
      netdev: vm.netdev,
      bridge: vm.bridge,
    })),
  }))
}

export function describeAll({
  hypervisors,
  vms,
}: Pick<ConnectedMachines, 'hypervisors' | 'vms'>): Promise<MachineDescription[]> {
  return together([...hypervisors.values(), ...vms.values()].map(({ ssh }) => describeMachine(ssh)))
}

/** Begins to bring the data plane's image to the hypervisors. What is not there when the environment closes is given up. */
export async function beginImages(
  options: EnvironmentOptions,
  hypervisors: ReadonlyMap<string, Hypervisor>,
  undoLog: UndoLog,
  stack: DisposalStack,
): Promise<ImagesUnderWay | undefined> {
  const { config, image, signal, log } = options
  if (config.dataplane === 'none' || image === undefined) return undefined
  const source = await imageSource({ ...options, image }, stack)
  return stack.use(new ImagesUnderWay([...hypervisors.values()], { image, ...source, undoLog, signal, log }))
}

async function imageSource(
  { built, image, folder, observe, instead }: EnvironmentOptions & { readonly image: string },
  stack: DisposalStack,
): Promise<{ shipment: Shipment } | { credentials: Awaited<ReturnType<typeof findCredentials>> }> {
  if (built) return { shipment: stack.use(new Shipment(built, join(folder, 'image'), observe, instead)) }
  if (instead) return { credentials: undefined } // nobody is asked for a login that is not used
  return { credentials: await findCredentials(parseReference(image).registry) }
}
