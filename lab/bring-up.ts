/** Builds a lab from nothing, everything side by side that can be. */
import type { LabDescription, HypervisorDescription, VmDescription } from './description.ts'
import { controllerName, startController } from './controller.ts'
import { freeRegistryPort } from './daemons/registry.ts'
import { makeKeyPair } from './daemons/sshd.ts'
import { connectNamespaceGuest, guestReservation, startNamespaceGuest } from './guests/namespace-guest.ts'
import { addHugepages, hugepageFiles } from './hugepages.ts'
import { startHypervisor, startHypervisorDaemons, type StartedHypervisor } from './hypervisor.ts'
import { type NamespaceHost, startNamespaceHost } from './namespaces/namespace-host.ts'
import { connectUnderlay, vmBridge } from './network/fabric.ts'
import { controllerAddress, makeManagementBridge } from './network/management.ts'
import type { LabOptions, LabSpec } from './options.ts'
import { labPaths } from './paths.ts'
import { publishImage } from './publish-image.ts'
import { labTag } from './tag.ts'
import { together } from './together.ts'

export interface BringUp {
  readonly options: LabOptions
  readonly spec: LabSpec
  readonly block: string
  readonly signal: AbortSignal
}

/** The lab's folder must be there. Nothing of the lab is running yet, or it fails. */
export async function bringUp({
  options,
  spec,
  block,
  signal: interrupted,
}: BringUp): Promise<LabDescription> {
  const { name } = options
  const paths = labPaths(name)
  const failed = new AbortController()
  const signal = AbortSignal.any([interrupted, failed.signal])
  const orAbort = async <T>(task: Promise<T>): Promise<T> => {
    return task.catch((error: unknown) => {
      failed.abort()
      throw error
    })
  }
  if (spec.dataplane === 'dpservice') await addHugepages(hugepageFiles(name), spec.hypervisors.length, signal)
  await together([
    makeKeyPair(name, paths.keyFile, `dpbench lab ${name}`),
    makeManagementBridge(name, block, signal),
  ])
  const controller = controllerAddress(block)
  const registry = `${controller}:${await freeRegistryPort(controller)}`
  const starting = spec.hypervisors.map(({ name: hypervisor, vms }, index) => {
    const reservations =
      spec.guests === 'namespace' ? vms.map((vm, at) => guestReservation(name, vm, at)) : []
    const hugepages = spec.dataplane === 'dpservice'
    return startHypervisor({
      lab: name,
      name: hypervisor,
      index,
      block,
      vms,
      reservations,
      hugepages,
      signal,
    })
  })
  const [{ dockerSocket, image }, hypervisors] = await together([
    orAbort(startServices(options, registry, signal)),
    together(starting.map((each) => orAbort(finishHypervisor(each, spec, registry, options, signal)))),
    orAbort(together(starting).then((all) => connectUnderlayOf(name, all, signal))),
  ])
  return {
    name,
    tag: labTag(name),
    guests: spec.guests,
    ...(spec.dataplane === undefined ? {} : { dataplane: spec.dataplane }),
    folder: paths.folder,
    configFile: paths.configFile,
    keyFile: paths.keyFile,
    publicKeyFile: paths.publicKeyFile,
    managementNetwork: `${block}.0/24`,
    controller: { address: controller, dockerSocket },
    registry,
    ...(image === undefined ? {} : { image }),
    hypervisors,
  }
}

/** Registry and Docker engine of the controller, and the data plane's image in that registry. */
async function startServices(
  options: LabOptions,
  registry: string,
  signal: AbortSignal,
): Promise<{ dockerSocket: string; image: string | undefined }> {
  const { name, image: builder, log } = options
  const dockerSocket = await startController(name, registry, signal)
  log(`${controllerName}: registry at ${registry}, Docker engine at ${dockerSocket}`)
  const image = builder ? await publishImage({ builder, registry, dockerSocket, log, signal }) : undefined
  return { dockerSocket, image }
}

async function finishHypervisor(
  starting: Promise<StartedHypervisor>,
  spec: LabSpec,
  registry: string,
  { log }: LabOptions,
  signal: AbortSignal,
): Promise<HypervisorDescription> {
  const hypervisor = await starting
  const { host, name, address, hostKey } = hypervisor
  const vms = await startHypervisorDaemons(hypervisor, registry, signal, (libvirtIsUp) =>
    together(
      hypervisor.vms.map((vm, index): Promise<VmDescription> | VmDescription =>
        spec.guests === 'namespace'
          ? finishGuest(host, vm, index, libvirtIsUp, signal)
          : { name: vm, bridge: vmBridge(vm) },
      ),
    ),
  )
  const guests = vms.flatMap((vm) => (vm.guest ? [`${vm.name} at ${vm.guest.address}`] : []))
  log(
    `${name}: sshd, libvirtd and dockerd answer at ${address}${guests.map((guest) => `; ${guest}`).join('')}`,
  )
  return { name, address, port: 22, hostKey, vms }
}

async function finishGuest(
  hypervisor: NamespaceHost,
  name: string,
  index: number,
  libvirtIsUp: Promise<void>,
  signal: AbortSignal,
): Promise<VmDescription> {
  const started = await startNamespaceGuest(hypervisor, name, signal)
  await libvirtIsUp
  const reservation = guestReservation(hypervisor.lab, name, index)
  const guest = await connectNamespaceGuest(hypervisor, started, reservation, signal)
  return { name, bridge: vmBridge(name), guest }
}

async function connectUnderlayOf(
  lab: string,
  hypervisors: readonly StartedHypervisor[],
  signal: AbortSignal,
): Promise<void> {
  const startSwitch = (): Promise<NamespaceHost> => {
    const name = 'underlay-switch'
    const isolation = {
      hostName: name,
      ownNetwork: true,
      cgroups: false,
      devices: 'minimal',
      overlays: [],
      binds: { '/run': 'run' },
    } as const
    return startNamespaceHost({ lab, name, folder: labPaths(lab).host(name), isolation, signal })
  }
  await connectUnderlay(
    hypervisors.map(({ host }) => host),
    startSwitch,
    signal,
  )
}
