/** A hypervisor of the lab: namespaces on the management network, with sshd, libvirtd and dockerd of its own. */
import { dockerBinds, startDockerd } from './daemons/dockerd.ts'
import { type GuestReservation, layLibvirtFiles, libvirtBinds, startLibvirtd } from './daemons/libvirtd.ts'
import { laySshFiles, sshBinds, startSshd } from './daemons/sshd.ts'
import { hugepagesFolder } from './hugepages.ts'
import { commonBinds, makeHostFolders } from './namespaces/common.ts'
import { type NamespaceHost, startNamespaceHost } from './namespaces/namespace-host.ts'
import { layFile, laySystemFiles, overlayFolders } from './namespaces/system-files.ts'
import { makeBridges } from './network/fabric.ts'
import { connectToMachine, hypervisorAddress } from './network/management.ts'
import { labPaths } from './paths.ts'
import { together } from './together.ts'

export interface HypervisorOptions {
  readonly lab: string
  readonly name: string
  /** From 0. */
  readonly index: number
  readonly block: string
  readonly vms: readonly string[]
  readonly reservations: readonly GuestReservation[]
  /** Whether it has a file system for huge pages. */
  readonly hugepages: boolean
  readonly signal: AbortSignal
}

export interface StartedHypervisor {
  readonly host: NamespaceHost
  readonly name: string
  readonly address: string
  readonly hostKey: string
  readonly vms: readonly string[]
}

/** Starts the hypervisor's namespaces and its networks. Its daemons come with `startHypervisorDaemons`. */
export async function startHypervisor(options: HypervisorOptions): Promise<StartedHypervisor> {
  const { lab, name, index, block, vms, signal } = options
  const paths = labPaths(lab)
  const folder = paths.host(name)
  await makeHostFolders(folder)
  await laySystemFiles({ lab, name, folder })
  await layFile(folder, '/etc/dpbench/docker.json', '{}\n')
  const [hostKey, overlays] = await together([
    laySshFiles(lab, name, folder, paths.publicKeyFile),
    overlayFolders(),
    layLibvirtFiles(lab, name, folder, options.reservations),
  ])
  const host = await startNamespaceHost({
    lab,
    name,
    folder,
    isolation: {
      hostName: name,
      ownNetwork: true,
      cgroups: true,
      devices: 'machine',
      overlays,
      ...(options.hugepages ? { hugepages: hugepagesFolder } : {}),
      binds: { ...commonBinds, ...sshBinds, ...dockerBinds, ...libvirtBinds() },
    },
    signal,
  })
  await together([connectToMachine(host, block, index, signal), makeBridges(host, vms, signal)])
  return { host, name, address: hypervisorAddress(block, index), hostKey, vms }
}

/**
 * Starts the three daemons side by side and waits until each answers. `guests` is begun at the same time and told when
 * libvirt's network is there.
 */
export async function startHypervisorDaemons<T>(
  hypervisor: StartedHypervisor,
  registry: string,
  signal: AbortSignal,
  guests: (libvirtIsUp: Promise<void>) => Promise<T>,
): Promise<T> {
  const { host, address, hostKey } = hypervisor
  const libvirtIsUp = startLibvirtd(host, signal)
  const [started] = await together([
    guests(libvirtIsUp),
    libvirtIsUp,
    startSshd(host, address, hostKey, signal),
    startDockerd(host, registry, signal),
  ])
  return started
}
