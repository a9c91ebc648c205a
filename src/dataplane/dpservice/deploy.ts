/** Deploys dpservice on all hypervisors of an environment side by side: image, container, ports, interfaces. */
import type Docker from 'dockerode'
import { together } from '../../core/together.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import type { VirtualMachine } from '../../machine/virtual-machine.ts'
import type { RegistryCredentials } from '../../transport/docker/credentials.ts'
import { inspectImage, pullImage, type PulledImage } from '../../transport/docker/pull.ts'
import type { Shipment } from '../../transport/docker/ship.ts'
import type { Mode, UndoLog } from '../dataplane.ts'
import type { DpserviceClient } from './client.ts'
import { type DpserviceSettings, containerName, createContainer, startContainer } from './container.ts'
import { DeployedDpservice, type DpserviceNode } from './deployed.ts'
import { MadeObjects } from './made-objects.ts'
import { type Plug, plugIn } from './plug-in.ts'
import { DpdkCounters, askDpdk } from './telemetry.ts'
import { keptImage } from './undo.ts'

/** A VM and the port that serves it. */
export interface PortPlan {
  readonly vm: VirtualMachine
  /** As `create interface --device` takes it: a representor or a DPDK device. */
  readonly device: string
  /** The port's network device and the bridge it goes into, where there are such. */
  readonly netdev?: string | undefined
  readonly bridge?: string | undefined
}

export interface DpserviceDeployment {
  readonly hypervisor: Hypervisor
  readonly settings: DpserviceSettings
  readonly ports: readonly PortPlan[]
}

export interface DeployOptions {
  readonly mode: Mode
  readonly image: string
  /** The image as it was built on the controller, to be brought to the hypervisors; without it `image` is pulled. */
  readonly shipment?: Shipment | undefined
  /** For the registry of `image`. */
  readonly credentials?: RegistryCredentials | undefined
  readonly runId: string
  readonly undoLog: UndoLog
  readonly signal?: AbortSignal | undefined
  readonly log: (line: string) => void
  /** From the start of the container until dpservice answers. Default 60 s. */
  readonly readyTimeoutMs?: number
}

/**
 * Runs dpservice everywhere. Whatever it creates is in `undoLog` first: after an error the caller replays that.
 * @throws DeployError, DpserviceError; an AggregateError when several hypervisors failed
 */
export async function deployDpservice(
  deployments: readonly DpserviceDeployment[],
  options: DeployOptions,
): Promise<DeployedDpservice> {
  const nodes = await together(deployments.map((deployment) => deployNode(deployment, options)))
  return new DeployedDpservice(options.mode, nodes, options.undoLog)
}

async function deployNode(deployment: DpserviceDeployment, options: DeployOptions): Promise<DpserviceNode> {
  const { hypervisor, settings } = deployment
  const image = await providedImage(hypervisor, options)
  const name = containerName(hypervisor.name, settings)
  options.log(`${hypervisor.name}: dpservice (${options.mode}) from ${image.digest ?? image.id}`)
  await options.undoLog.record({
    hypervisor: hypervisor.name,
    what: `container ${name} on ${hypervisor.name}`,
    undo: { kind: 'container', name, runId: options.runId },
  })
  const container = await createContainer(hypervisor, { ...options, settings, imageId: image.id })
  const { client, version } = await startContainer(hypervisor, container, {
    timeoutMs: options.readyTimeoutMs ?? 60_000,
    signal: options.signal,
  })
  const underlay = await furnish(deployment, client)
  const { reference, id: imageId, digest } = image
  const provenance = { hypervisor: hypervisor.name, image: reference, imageId, digest, version }
  const devices = new Map(deployment.ports.map(({ vm, device }) => [vm.name, device]))
  const counters = new DpdkCounters(askDpdk(hypervisor, container, settings.ealArguments))
  const restart = startAgain(deployment, container, underlay)
  const made = new MadeObjects()
  return { hypervisor, container, client, underlay, devices, counters, provenance, settings, made, restart }
}

/** Plugs in its ports and makes the VMs' interfaces. @param addresses that the interfaces are to have, by VM */
async function furnish(
  { hypervisor, settings, ports }: DpserviceDeployment,
  client: DpserviceClient,
  addresses?: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const plugs = [...settings.attach, ...ports.flatMap(portPlug)]
  await together([together(plugs.map((plug) => plugIn(hypervisor, plug))), client.init()])
  return new Map(
    await together(
      ports.map(async ({ vm, device }) => {
        const { vni } = vm.data
        const [ipv4, ipv6] = [vm.overlayAddress('ipv4'), vm.overlayAddress('ipv6')]
        const underlay = addresses?.get(vm.name)
        const created = await client.createInterface({ id: vm.name, vni, ipv4, ipv6, device, underlay })
        return [vm.name, created.spec.underlay_route] as const
      }),
    ),
  )
}

/** A container that was killed, up again with the interfaces that it had. */
function startAgain(
  deployment: DpserviceDeployment,
  container: Docker.Container,
  underlay: ReadonlyMap<string, string>,
): NonNullable<DpserviceNode['restart']> {
  return async (signal) => {
    const { client } = await startContainer(deployment.hypervisor, container, { timeoutMs: 60_000, signal })
    await furnish(deployment, client, underlay)
  }
}

/** The image of this controller, as exactly that; it stays there for the next run. */
async function shippedImage(
  { name, docker }: Hypervisor,
  shipment: Shipment,
  { undoLog, log, signal }: DeployOptions,
): Promise<PulledImage> {
  const { reference } = shipment.image
  const undo = { kind: keptImage, reference }
  const journal = (): Promise<unknown> =>
    undoLog.record({ hypervisor: name, what: `image ${reference} on ${name}`, undo })
  const { id, shipped } = await shipment.to(name, docker, { log, signal, journal })
  if (!shipped) log(`${name}: has the image already`)
  return { reference, id, digest: undefined, pulled: shipped }
}

/** The image by pull, or as it lies there when it was loaded and no registry is in its name. */
async function providedImage(hypervisor: Hypervisor, options: DeployOptions): Promise<PulledImage> {
  if (options.shipment) return shippedImage(hypervisor, options.shipment, options)
  const before = await inspectImage(hypervisor.docker, options.image)
  if (before && (before.RepoDigests ?? []).length === 0) {
    return { reference: options.image, id: before.Id, digest: undefined, pulled: false }
  }
  if (!before) {
    // before the pull: a kill in the middle of it leaves an image too
    await options.undoLog.record({
      hypervisor: hypervisor.name,
      what: `image ${options.image} on ${hypervisor.name}`,
      undo: { kind: 'image', reference: options.image },
    })
  }
  const { signal, credentials } = options
  return pullImage(hypervisor.name, hypervisor.docker, options.image, { signal, credentials })
}

function portPlug({ netdev, bridge }: PortPlan): Plug[] {
  return netdev === undefined || bridge === undefined ? [] : [{ netdev, bridge }]
}
