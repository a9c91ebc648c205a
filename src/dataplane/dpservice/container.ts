/** The dpservice container on one hypervisor: created with our labels, started, waited for, removed. No other is touched. */
import type Docker from 'dockerode'
import { DeployError, describeError } from '../../core/errors.ts'
import { waitFor } from '../../core/wait.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import { accepting, engineStatus } from '../../transport/docker/engine-error.ts'
import { execInContainer } from '../../transport/docker/exec.ts'
import { containerLog } from '../../transport/docker/logs.ts'
import type { Mode } from '../dataplane.ts'
import { DpserviceClient } from './client.ts'
import type { Plug } from './plug-in.ts'

/** How a site runs dpservice on one hypervisor. */
export interface DpserviceSettings {
  readonly ealArguments: readonly string[]
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly privileged: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly noNewPrivileges: boolean
  readonly devices: readonly string[]
  readonly mounts: readonly string[]
  readonly attach: readonly Plug[]
  readonly containerName?: string
}

export const runLabel = 'dpbench.run'
export const modeLabel = 'dpbench.mode'

/** `dpservice_<hypervisor>` as the suite that this replaces names it, or the config's name. */
export function containerName(hypervisor: string, settings: DpserviceSettings): string {
  return settings.containerName ?? `dpservice_${hypervisor}`
}

/** What is after the image's name on dpservice's command line: EAL arguments, `--`, its own. */
export function dpserviceArguments(settings: DpserviceSettings, mode: Mode): string[] {
  const own = settings.arguments.filter((argument) => argument !== '--no-offload')
  return [...settings.ealArguments, '--', ...(mode === 'non-offload' ? ['--no-offload'] : []), ...own]
}

/**
 * Whether the container's name is free. A container of that name that this run did not make is left alone.
 * @throws DeployError saying what to do about it
 */
export async function refuseForeignContainer(
  hypervisor: Hypervisor,
  settings: DpserviceSettings,
): Promise<void> {
  const name = containerName(hypervisor.name, settings)
  try {
    await hypervisor.docker.getContainer(name).inspect()
  } catch (error) {
    if (engineStatus(error) === 404) return
    throw error
  }
  throw foreign(hypervisor, name)
}

function foreign(hypervisor: Hypervisor, name: string, cause?: unknown): DeployError {
  return new DeployError(
    `${hypervisor.name}: there is a container named ${name} that dpbench did not make, and it is left alone; ` +
      `remove it (\`docker rm -f ${name}\`) or set another "container_name" in the config`,
    { cause },
  )
}

/**
 * Creates the container, not started.
 * @throws DeployError when a container of that name is there that this run did not make
 */
export async function createContainer(
  hypervisor: Hypervisor,
  options: {
    readonly settings: DpserviceSettings
    readonly mode: Mode
    readonly imageId: string
    readonly runId: string
  },
): Promise<Docker.Container> {
  const { settings, mode, imageId, runId } = options
  const name = containerName(hypervisor.name, settings)
  try {
    return await hypervisor.docker.createContainer({
      name,
      Image: imageId,
      Cmd: dpserviceArguments(settings, mode),
      Env: Object.entries(settings.environment).map(([key, value]) => `${key}=${value}`),
      Labels: { [runLabel]: runId, [modeLabel]: mode },
      HostConfig: {
        NetworkMode: 'host',
        Privileged: settings.privileged,
        CapAdd: [...settings.capAdd],
        CapDrop: [...settings.capDrop],
        SecurityOpt: settings.noNewPrivileges ? ['no-new-privileges'] : [],
        Devices: settings.devices.map((device) => ({
          PathOnHost: device,
          PathInContainer: device,
          CgroupPermissions: 'rwm',
        })),
        Binds: [...settings.mounts],
      },
    })
  } catch (error) {
    if (engineStatus(error) === 409) throw foreign(hypervisor, name, error)
    throw new DeployError(
      `${hypervisor.name}: cannot create the container ${name}: ${describeError(error)}`,
      { cause: error },
    )
  }
}

/** dpservice-cli in that container. */
export function clientOf({ name }: Hypervisor, container: Docker.Container): DpserviceClient {
  return new DpserviceClient(name, (argv) => execInContainer(name, container, argv))
}

/**
 * Starts the container and waits until dpservice answers, which it does with its version.
 * @throws DeployError with the end of its log when it exits, WaitError with that at the deadline
 */
export async function startContainer(
  hypervisor: Hypervisor,
  container: Docker.Container,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly client: DpserviceClient; readonly version: string }> {
  try {
    await container.start()
  } catch (error) {
    throw new DeployError(
      `${hypervisor.name}: dpservice's container does not start: ${describeError(error)}; check the privileges, ` +
        'devices and mounts of its "dpservice" section in the config',
      { cause: error },
    )
  }
  const client = clientOf(hypervisor, container)
  try {
    const version = await waitFor(
      async () => {
        const { State: state } = await container.inspect()
        if (!state.Running) return { state: 'failed', reason: `the container exited with ${state.ExitCode}` }
        return { state: 'ready', value: await client.version() }
      },
      { what: `dpservice on ${hypervisor.name} to answer`, intervalMs: 100, ...options },
    )
    return { client, version }
  } catch (error) {
    options.signal?.throwIfAborted()
    const log = await containerLog(container)
    throw new DeployError(
      `${hypervisor.name}: dpservice did not become ready: ${describeError(error)}\nthe end of its log:\n` +
        log.split('\n').slice(-30).join('\n'),
      { cause: error },
    )
  }
}

/**
 * Removes the container `name` if it carries this run's label; says whether one of that name is left that does not.
 * @param stopped called with the container and the mode that it ran in when it has stopped and is about to go
 */
export async function removeContainer(
  docker: Docker,
  name: string,
  runId: string,
  stopped?: (container: Docker.Container, mode: string) => Promise<void>,
): Promise<'gone' | 'not ours'> {
  const container = docker.getContainer(name)
  let labels: Readonly<Record<string, string>>
  try {
    labels = (await container.inspect()).Config.Labels
  } catch (error) {
    if (engineStatus(error) === 404) return 'gone'
    throw error
  }
  if (labels[runLabel] !== runId) return 'not ours'
  const mode = labels[modeLabel] ?? 'unknown'
  await accepting([304, 404], () => container.stop({ t: 5 }))
  await stopped?.(container, mode)
  await accepting([404, 409], () => container.remove({ force: true, v: true }))
  return 'gone'
}
