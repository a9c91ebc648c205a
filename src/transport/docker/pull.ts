/** Pulling an image, to its end: the engine answers before it has begun, and tells of failure in the stream. */
import type Docker from 'dockerode'
import { DeployError, describeError } from '../../core/errors.ts'
import { engineStatus } from './engine-error.ts'

export interface PulledImage {
  /** As asked for. */
  readonly reference: string
  /** The image's own id, `sha256:…`: what a container made from it names. */
  readonly id: string
  /** `repository@sha256:…` as the registry knows it; absent for an image that was loaded. */
  readonly digest: string | undefined
  /** Whether the engine lacked it before. */
  readonly pulled: boolean
}

/**
 * Pulls `reference` and says what it got. A mutable tag is always asked for again, as `docker pull` does.
 * @throws DeployError with the engine's reason
 */
export async function pullImage(
  host: string,
  docker: Docker,
  reference: string,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<PulledImage> {
  const before = await inspectImage(docker, reference)
  const deadline = AbortSignal.timeout(options.timeoutMs ?? 600_000)
  const abortSignal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline
  try {
    const stream = await docker.pull(reference, { abortSignal })
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(stream, (error, events: { error?: string }[] | null) => {
        const failure = error ?? events?.map((event) => event.error).find(Boolean)
        if (failure) reject(failure instanceof Error ? failure : new Error(failure))
        else resolve()
      })
    })
  } catch (error) {
    options.signal?.throwIfAborted()
    throw new DeployError(
      `${host}: cannot pull ${reference}: ${describeError(error)}; check the name, that ${host} reaches the ` +
        'registry, and its credentials',
      { cause: error },
    )
  }
  const after = await inspectImage(docker, reference)
  if (!after) throw new DeployError(`${host}: ${reference} was pulled, but the engine does not have it`)
  return { reference, id: after.Id, digest: after.RepoDigests?.[0], pulled: before?.Id !== after.Id }
}

/** The image, or undefined when the engine lacks it. */
export async function inspectImage(
  docker: Docker,
  reference: string,
): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(reference).inspect()
  } catch (error) {
    if (engineStatus(error) === 404) return undefined
    throw error
  }
}
