/** Brings an image that was built on the controller to engines that lack it: the missing layers alone, compressed. */
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import type Docker from 'dockerode'
import { DeployError, describeError } from '../../core/errors.ts'
import type { Observe } from '../../core/steps.ts'
import type { BuiltImage } from './build.ts'
import { accepting } from './engine-error.ts'
import type { Instead } from '../instead.ts'
import { ImageArchive, type PackOptions } from './image-archive.ts'
import { presentLayers } from './layers.ts'
import { asImageStep, inspectImage } from './pull.ts'

export interface ShipOptions {
  readonly log: (line: string) => void
  readonly signal?: AbortSignal | undefined
  /** Called before the image is loaded. */
  readonly journal: () => Promise<unknown>
}

/** One image on its way to any number of engines; what it takes on the controller's disk goes with the disposal. */
export class Shipment implements AsyncDisposable {
  readonly image: BuiltImage
  private readonly folder: string
  private readonly observe: Observe | undefined
  private readonly instead: Instead | undefined
  private archive: Promise<ImageArchive> | undefined

  /** @param folder for the archive alone, made when it is needed; one that a killed run has left is replaced */
  constructor(image: BuiltImage, folder: string, observe?: Observe, instead?: Instead) {
    this.observe = observe
    this.instead = instead
    this.image = image
    this.folder = folder
  }

  /**
   * Makes sure that the engine of `host` has exactly this image, and returns its id there.
   * @throws DeployError
   */
  async to(host: string, docker: Docker, options: ShipOptions): Promise<{ id: string; shipped: boolean }> {
    if (await inspectImage(docker, this.image.id)) return { id: this.image.id, shipped: false }
    const { log, signal } = options
    const archive = await this.saved(signal)
    const present = await presentLayers(docker, this.image.layers)
    const former = (await inspectImage(docker, this.image.reference))?.Id
    await options.journal()
    try {
      await this.load(host, docker, archive, present, options)
    } catch (error) {
      signal?.throwIfAborted()
      // an engine with another image store, or one that lost an image meanwhile, needs them all
      if (present === 0) throw error
      log(`${host}: does not take a part of the image, so all of it goes there: ${describeError(error)}`)
      await this.load(host, docker, archive, 0, options)
    }
    const id = await this.verified(host, docker, archive)
    if (former !== undefined && former !== id) await removeUntagged(docker, former)
    return { id, shipped: true }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.archive?.catch(() => undefined) // whoever asked for it was told
    if (this.archive) await rm(this.folder, { recursive: true, force: true })
  }

  private locally(signal: AbortSignal | undefined): PackOptions {
    return { signal, observe: this.observe, instead: this.instead?.locally }
  }

  private saved(signal: AbortSignal | undefined): Promise<ImageArchive> {
    this.archive ??= (async () => {
      await rm(this.folder, { recursive: true, force: true })
      await mkdir(this.folder, { recursive: true })
      return ImageArchive.save(this.image, this.folder, this.locally(signal))
    })()
    return this.archive
  }

  private async load(
    host: string,
    docker: Docker,
    archive: ImageArchive,
    present: number,
    { log, signal }: ShipOptions,
  ): Promise<void> {
    const { file, bytes } = await archive.without(present, this.locally(signal))
    const deadline = AbortSignal.timeout(600_000)
    const abortSignal = signal ? AbortSignal.any([deadline, signal]) : deadline
    const started = performance.now()
    try {
      const begin = (): Promise<NodeJS.ReadableStream> =>
        docker.loadImage(createReadStream(file), { quiet: true, abortSignal })
      await asImageStep(host, docker, `load ${this.image.reference} (${bytes} bytes)`, begin, abortSignal)
    } catch (error) {
      signal?.throwIfAborted()
      throw new DeployError(
        `${host}: its engine does not load the image built from ${this.image.source}: ${describeError(error)}; ` +
          `check the engine's log and the disk space of ${host}`,
        { cause: error },
      )
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const sent = archive.layerCount - present
    log(
      `${host}: image shipped: ${sent} of ${archive.layerCount} layers, ${(bytes / 2 ** 20).toFixed(1)} MiB in ${seconds} s`,
    )
  }

  /** What the engine has under our tag must be what was built. */
  private async verified(host: string, docker: Docker, archive: ImageArchive): Promise<string> {
    const loaded = await inspectImage(docker, this.image.reference)
    if (loaded && isImage(loaded, archive.configDigest, this.image.layers)) return loaded.Id
    throw new DeployError(
      `${host}: the image that was loaded is ${loaded?.Id ?? 'not there'}, and ${archive.configDigest} was built; ` +
        `remove ${this.image.reference} there and try again`,
    )
  }
}

/**
 * Whether an engine's image is the one with this configuration and these layers. Engines with containerd's image store
 * (they tell a `Descriptor`) name an image by its manifest, which they make themselves: there the layers count.
 */
export function isImage(
  found: Docker.ImageInspectInfo,
  configDigest: string,
  layers: readonly string[],
): boolean {
  if (found.Id === configDigest) return true
  const own = found.RootFS?.Layers ?? []
  return (
    'Descriptor' in found &&
    own.length === layers.length &&
    own.every((each, index) => each === layers[index])
  )
}

/** The image that our tag was taken from, when no other tag and no container holds it. */
async function removeUntagged(docker: Docker, id: string): Promise<void> {
  const found = await inspectImage(docker, id)
  if (!found || (found.RepoTags ?? []).length > 0 || (found.RepoDigests ?? []).length > 0) return
  await accepting([404, 409], () => docker.getImage(id).remove())
}
