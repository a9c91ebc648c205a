/** dpservice as an earlier run has left it, taken over as it is: nothing is deployed, and nothing of it is taken back. */
import type Docker from 'dockerode'
import { DeployError } from '../../core/errors.ts'
import { together } from '../../core/together.ts'
import { engineStatus } from '../../transport/docker/engine-error.ts'
import { inspectImage } from '../../transport/docker/pull.ts'
import type { DataplaneProvenance, DeployedDataplane, Mode, UndoLog } from '../dataplane.ts'
import { clientOf, containerName, modeLabel, runLabel } from './container.ts'
import type { DpserviceDeployment, PortPlan } from './deploy.ts'
import { DeployedDpservice, type DpserviceNode, type PresentRoute } from './deployed.ts'
import { DpdkCounters, askDpdk } from './telemetry.ts'

export interface AdoptOptions {
  /** Which run's containers they are. */
  readonly runId: string
  /** Takes what is made from now on. */
  readonly undoLog: UndoLog
}

/** @throws DeployError naming the hypervisor on which that run's dpservice does not run any more, or lacks a VM */
export async function adoptDpservice(
  deployments: readonly DpserviceDeployment[],
  { runId, undoLog }: AdoptOptions,
): Promise<DeployedDataplane> {
  const found = await together(deployments.map((deployment) => adoptNode(deployment, runId)))
  const nodes = found.map(({ node }) => node)
  const routes = await together(deployments.map(({ ports }, index) => routesOn(nodes[index]!, ports)))
  return new DeployedDpservice(found[0]!.mode, nodes, undoLog, routes.flat())
}

async function routesOn(
  { hypervisor, client }: DpserviceNode,
  ports: readonly PortPlan[],
): Promise<PresentRoute[]> {
  const vnis = new Set(ports.map(({ vm }) => vm.data.vni))
  const found = await together(
    [...vnis].map(async (vni) => {
      const routes = await client.listRoutes(vni)
      return routes.map(({ spec }) => ({ hypervisor: hypervisor.name, vni, prefix: spec.prefix }))
    }),
  )
  return found.flat()
}

async function adoptNode(
  { hypervisor, settings, ports }: DpserviceDeployment,
  runId: string,
): Promise<{ node: DpserviceNode; mode: Mode }> {
  const name = containerName(hypervisor.name, settings)
  const { container, info } = await inspected(hypervisor.docker, name)
  const labels = info?.Config.Labels
  if (!info?.State.Running || labels?.[runLabel] !== runId)
    throw new DeployError(`${hypervisor.name}: ${name} of the run ${runId} does not run any more`)
  const client = clientOf(hypervisor, container)
  const [version, interfaces, image] = await together([
    client.version(),
    client.listInterfaces(),
    inspectImage(hypervisor.docker, info.Image),
  ])
  const underlay = new Map(interfaces.map(({ metadata, spec }) => [metadata.id, spec.underlay_route]))
  const missing = ports.filter(({ vm }) => !underlay.has(vm.name)).map(({ vm }) => vm.name)
  if (missing.length > 0)
    throw new DeployError(`${hypervisor.name}: ${name} of the run ${runId} has no ${missing.join(', no ')}`)
  const provenance: DataplaneProvenance = {
    hypervisor: hypervisor.name,
    image: image?.RepoTags?.[0] ?? info.Image,
    imageId: info.Image,
    digest: image?.RepoDigests?.[0],
    version,
  }
  const devices = new Map(ports.map(({ vm, device }) => [vm.name, device]))
  const counters = new DpdkCounters(askDpdk(hypervisor, container, settings.ealArguments))
  const node = { hypervisor, container, client, underlay, devices, counters, provenance, settings }
  return { node, mode: labels[modeLabel] === 'offload' ? 'offload' : 'non-offload' }
}

async function inspected(
  docker: Docker,
  name: string,
): Promise<{ container: Docker.Container; info: Docker.ContainerInspectInfo | undefined }> {
  try {
    const info = await docker.getContainer(name).inspect()
    return { container: docker.getContainer(info.Id), info }
  } catch (error) {
    if (engineStatus(error) !== 404) throw error
    return { container: docker.getContainer(name), info: undefined }
  }
}
