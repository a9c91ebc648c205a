/** Pulling an image, to its end: the engine answers before it has begun, and tells of failure in the stream. */
import type Docker from 'dockerode'
import { DeployError, describeError } from '../../core/errors.ts'
import { withoutKnownSecrets } from '../../core/known-secrets.ts'
import { asStep } from '../../core/steps.ts'
import type { RegistryCredentials } from './credentials.ts'
import { engineStatus } from './engine-error.ts'
import { observerOf } from './observed-modem.ts'
import { pullFailure } from './pull-failure.ts'
import { type ImageReference, parseReference } from './reference.ts'

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

export interface PullOptions {
  /** For the whole of it. Default 10 min. */
  readonly timeoutMs?: number
  /** How long the engine may say nothing of its progress: a registry that went silent is waited for no longer. Default 2 min. */
  readonly silentMs?: number
  readonly signal?: AbortSignal | undefined
  readonly credentials?: RegistryCredentials | undefined
}

/**
 * Pulls `reference` and says what it got. A mutable tag is always asked for again, as `docker pull` does; what was asked
 * for by digest is verified to be it.
 * @throws UsageError for a malformed reference, DeployError with what to do
 */
export async function pullImage(
  host: string,
  docker: Docker,
  reference: string,
  options: PullOptions = {},
): Promise<PulledImage> {
  const parsed = parseReference(reference)
  const { credentials } = options
  const before = await inspectImage(docker, reference)
  const deadline = AbortSignal.timeout(options.timeoutMs ?? 600_000)
  const silence = new Silence(options.silentMs ?? 120_000)
  const abortSignal = AbortSignal.any([deadline, silence.signal, ...(options.signal ? [options.signal] : [])])
  try {
    const login = credentials && { authconfig: credentials }
    const pull = (): Promise<NodeJS.ReadableStream> => docker.pull(reference, { abortSignal, ...login })
    await asImageStep(host, docker, `pull ${reference}`, pull, abortSignal, () => silence.broken())
  } catch (error) {
    options.signal?.throwIfAborted()
    const reason = silence.signal.aborted ? silence.signal.reason : error
    const said = withoutKnownSecrets(describeError(reason)) // a registry may say again what it was told
    throw new DeployError(pullFailure(host, reference, parsed, said, credentials !== undefined), {
      cause: new Error(said), // the engine's error carries its whole answer along
    })
  } finally {
    silence.end()
  }
  const after = await inspectImage(docker, reference)
  if (!after) throw new DeployError(`${host}: ${reference} was pulled, but the engine does not have it`)
  const digest = digestOf(after.RepoDigests ?? [], parsed)
  if (parsed.digest !== undefined && !digest?.endsWith(`@${parsed.digest}`)) {
    throw new DeployError(
      `${host}: ${reference} was pulled, but what the engine has is ${digest ?? after.Id}; remove that image there and try again`,
    )
  }
  return { reference, id: after.Id, digest, pulled: before?.Id !== after.Id }
}

/** Aborts when nothing has been heard for so long. */
class Silence {
  private readonly aborter = new AbortController()
  private readonly timer: NodeJS.Timeout

  constructor(ms: number) {
    const reason = new Error(`timeout: the engine has made no progress for ${ms / 1000} s`)
    this.timer = setTimeout(() => this.aborter.abort(reason), ms)
  }

  get signal(): AbortSignal {
    return this.aborter.signal
  }

  /** Something was heard. */
  broken(): void {
    this.timer.refresh()
  }

  end(): void {
    clearTimeout(this.timer)
  }
}

/** An image may carry the digests of several repositories: the one that was asked counts. */
function digestOf(digests: readonly string[], { repository, digest }: ImageReference): string | undefined {
  const own = digests.filter((each) => each.startsWith(`${repository}@`))
  return own.find((each) => each.endsWith(`@${digest}`)) ?? own[0] ?? digests[0]
}

/** Pulls or loads an image to its end as one step, with what the engine says meanwhile. @throws what the engine tells of failure */
export function asImageStep(
  host: string,
  docker: Docker,
  name: string,
  begin: () => Promise<NodeJS.ReadableStream>,
  signal: AbortSignal | undefined,
  onProgress?: () => void,
): Promise<string[]> {
  const step = { machine: host, kind: 'docker', name } as const
  const work = async (): Promise<string[]> => followToEnd(docker, await begin(), onProgress)
  return asStep(observerOf(docker), step, work, signal, (said) => [...new Set(said)].join('\n'))
}

/** Reads an engine's progress to its end. @throws what the engine tells in it */
export async function followToEnd(
  docker: Docker,
  stream: NodeJS.ReadableStream,
  onProgress?: () => void,
): Promise<string[]> {
  return new Promise<string[]>((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error, events: { error?: string; stream?: string; status?: string }[] | null) => {
        const failure = error ?? events?.map((event) => event.error).find(Boolean)
        if (failure) reject(failure instanceof Error ? failure : new Error(failure))
        else resolve((events ?? []).map((event) => event.stream ?? event.status ?? ''))
      },
      onProgress,
    )
  })
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
