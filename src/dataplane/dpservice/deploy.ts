/** Deploys dpservice on all hypervisors of an environment side by side: image, container, ports, interfaces. */
import type Docker from 'dockerode'
import { together } from '../../core/together.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import type { VirtualMachine } from '../../machine/virtual-machine.ts'
import type { PulledImage } from '../../transport/docker/pull.ts'
import type { Mode } from '../dataplane.ts'
import type { DpserviceClient } from './client.ts'
import { type DpserviceSettings, containerName, createContainer, startContainer } from './container.ts'
import { DeployedDpservice, type DpserviceNode } from './deployed.ts'
import { type ImageOptions, provideImage } from './images.ts'
import { MadeObjects } from './made-objects.ts'
import { type Plug, plugIn } from './plug-in.ts'
import { DpdkCounters, askDpdk } from './telemetry.ts'

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

export interface DeployOptions extends ImageOptions {
  readonly mode: Mode
  /** Images that are on their way already; without it they are brought now. */
  readonly imageOn?: ((hypervisor: Hypervisor) => Promise<PulledImage>) | undefined
  readonly runId: string
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
  const image = await (options.imageOn?.(hypervisor) ?? provideImage(hypervisor, options))
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

function portPlug({ netdev, bridge }: PortPlan): Plug[] {
  return netdev === undefined || bridge === undefined ? [] : [{ netdev, bridge }]
}
