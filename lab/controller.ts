/** The controller's own services: a registry for both hypervisors and a Docker engine, in the machine's network. */
import { dockerBinds, dockerSocket, startDockerd } from './daemons/dockerd.ts'
import { layRegistryFiles, registryBinds, startRegistry } from './daemons/registry.ts'
import { commonBinds, makeHostFolders } from './namespaces/common.ts'
import { startNamespaceHost } from './namespaces/namespace-host.ts'
import { layFile, laySystemFiles, overlayFolders } from './namespaces/system-files.ts'
import { labPaths } from './paths.ts'
import { together } from './together.ts'

export const controllerName = 'controller'

/** Starts the controller's namespaces and waits until its two services answer. Returns the engine's socket. */
export async function startController(lab: string, registry: string, signal: AbortSignal): Promise<string> {
  const name = controllerName
  const folder = labPaths(lab).host(name)
  await makeHostFolders(folder)
  await laySystemFiles({ lab, name, folder })
  await layRegistryFiles(folder, registry)
  await layFile(folder, '/etc/dpbench/docker.json', '{}\n')
  const host = await startNamespaceHost({
    lab,
    name,
    folder,
    isolation: {
      hostName: name,
      ownNetwork: false,
      cgroups: true,
      devices: 'machine',
      overlays: await overlayFolders(),
      binds: { ...commonBinds, ...dockerBinds, ...registryBinds(), '/root': 'root' },
    },
    signal,
  })
  await together([startRegistry(host, registry, signal), startDockerd(host, registry, signal)])
  return dockerSocket(folder)
}
