/** Docker Engine with its own data, sockets and containerd. It sets up no network and touches no firewall. */
import { request } from 'node:http'
import { join } from 'node:path'
import type { Probe } from '../../src/core/wait.ts'
import type { NamespaceHost } from '../namespaces/namespace-host.ts'
import { cgroupParent } from '../tag.ts'
import { type Daemon, startDaemon } from './daemon.ts'

/** Layers stand on the host's own folder: Docker's overlays cannot stand on the host's. */
export const dockerBinds = { '/var/lib/docker': 'docker' } as const

/** The engine's socket as the machine sees it. */
export function dockerSocket(folder: string): string {
  return join(folder, 'run', 'docker.sock')
}

/**
 * Starts dockerd and waits until it answers a ping.
 * @param registry `address:port` of the lab's registry, which speaks plain HTTP.
 * @throws WaitError
 */
export async function startDockerd(
  host: NamespaceHost,
  registry: string,
  signal: AbortSignal,
): Promise<void> {
  const daemon: Daemon = {
    name: 'dockerd',
    argv: [
      'dockerd',
      // Without this it would read the machine's /etc/docker/daemon.json.
      '--config-file=/etc/dpbench/docker.json',
      '--host=unix:///run/docker.sock',
      '--data-root=/var/lib/docker',
      '--exec-root=/run/docker',
      '--pidfile=/run/docker.pid',
      '--storage-driver=overlay2',
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--ip-forward=false',
      `--insecure-registry=${registry}`,
      '--exec-opt=native.cgroupdriver=cgroupfs',
      `--cgroup-parent=/${cgroupParent(host.lab)}/${host.name}`,
    ],
    probe: () => pingDocker(dockerSocket(host.folder)),
    timeoutMs: 40_000,
  }
  await startDaemon(host, daemon, signal)
}

/** Asks the engine behind `socketPath` whether it is there. */
export async function pingDocker(socketPath: string): Promise<Probe<void>> {
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 5000 }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    ping.once('timeout', () => ping.destroy(new Error('no answer to a ping within 5 s')))
    ping.once('error', reject)
    ping.end()
  })
  return status === 200
    ? { state: 'ready', value: undefined }
    : { state: 'pending', seen: `status ${status}` }
}
