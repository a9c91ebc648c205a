/** The lab's container registry. It keeps its images in the cache, so what was pushed once is there in the next lab. */
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { DpbenchError } from '../../src/core/errors.ts'
import { cacheFolder } from '../paths.ts'
import type { NamespaceHost } from '../namespaces/namespace-host.ts'
import { layFile } from '../namespaces/system-files.ts'
import { type Daemon, startDaemon } from './daemon.ts'

export function registryBinds(): Record<string, string> {
  return { '/var/lib/registry': join(cacheFolder(), 'registry') }
}

const usualPort = 5000

/** The first port from 5000 that nothing on the machine holds at `address`. */
export async function freeRegistryPort(address: string): Promise<number> {
  for (let port = usualPort; port < usualPort + 50; port++) {
    const server = createServer()
    server.listen(port, address)
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (free) return port
  }
  throw new DpbenchError(
    `no port from ${usualPort} to ${usualPort + 49} is free at ${address} for the lab's registry`,
  )
}

/** Lays the registry's configuration into the controller's /etc. */
export async function layRegistryFiles(folder: string, registry: string): Promise<void> {
  const configuration = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: '/var/lib/registry' }, delete: { enabled: true } },
    http: { addr: registry, secret: 'one instance only' },
  }
  // JSON is YAML.
  await layFile(folder, '/etc/dpbench/registry.yml', JSON.stringify(configuration))
}

/**
 * Starts the registry and waits until it speaks the registry protocol.
 * @param registry `address:port`
 * @throws WaitError
 */
export async function startRegistry(
  host: NamespaceHost,
  registry: string,
  signal: AbortSignal,
): Promise<void> {
  const daemon: Daemon = {
    name: 'docker-registry',
    argv: ['docker-registry', 'serve', '/etc/dpbench/registry.yml'],
    probe: async (deadline) => {
      const { status } = await fetch(`http://${registry}/v2/`, { signal: deadline })
      return status === 200
        ? { state: 'ready', value: undefined }
        : { state: 'pending', seen: `status ${status}` }
    },
    timeoutMs: 20_000,
  }
  await startDaemon(host, daemon, signal)
}

/** Whether the registry holds `repository:tag`. */
export async function registryHas(registry: string, repository: string, tag: string): Promise<boolean> {
  const accept = [
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
  ]
  const response = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, {
    method: 'HEAD',
    headers: { accept: accept.join(', ') },
    signal: AbortSignal.timeout(10_000),
  })
  return response.ok
}
