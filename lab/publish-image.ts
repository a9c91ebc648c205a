/**
 * Puts the data plane's image into the lab's registry: built in the controller's engine, where `--stage dev`
 * builds on it, and pushed once: the registry keeps it for later labs.
 */
import { posix } from 'node:path'
import Docker from 'dockerode'
import { DpbenchError } from '../src/core/errors.ts'
import { registryHas } from './daemons/registry.ts'
import type { ImageBuilder } from './options.ts'
import { cacheFolder } from './paths.ts'

export interface PublishOptions {
  readonly builder: ImageBuilder
  /** `address:port` */
  readonly registry: string
  readonly dockerSocket: string
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Returns the image's reference in the lab's registry.
 * @throws DpbenchError when the push fails, and whatever the builder throws.
 */
export async function publishImage(options: PublishOptions): Promise<string> {
  const { builder, registry, dockerSocket, log, signal } = options
  const { reference } = await builder.build({
    dockerHost: `unix://${dockerSocket}`,
    cacheDir: cacheFolder(),
    log,
    signal,
  })
  const [repository = '', tag = 'latest'] = posix.basename(reference).split(':')
  const published = `${registry}/${repository}:${tag}`
  // The tag is a hash of the content, so what the registry has under it is this image.
  if (await registryHas(registry, repository, tag)) return published
  await pushImage(dockerSocket, reference, published, signal)
  log(`pushed ${published}`)
  return published
}

/** The engine wants credentials with every push, also where the registry asks for none. */
const anonymous = { username: '', password: '', serveraddress: '' }

/** Tags the image `reference` as `published` and pushes it. */
export async function pushImage(
  socketPath: string,
  reference: string,
  published: string,
  signal: AbortSignal,
): Promise<void> {
  const docker = new Docker({ socketPath })
  const colon = published.lastIndexOf(':')
  await docker.getImage(reference).tag({ repo: published.slice(0, colon), tag: published.slice(colon + 1) })
  const progress = await docker
    .getImage(published)
    .push({ authconfig: anonymous, abortSignal: AbortSignal.any([signal, AbortSignal.timeout(300_000)]) })
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error: Error | null, events: { error?: string }[]) => {
      const failure = error?.message ?? events?.find((event) => event.error)?.error
      if (failure === undefined) resolve()
      else reject(new DpbenchError(`cannot push ${published} to the lab's registry: ${failure}`))
    })
  })
}
