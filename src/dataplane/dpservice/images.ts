/** The data plane's image on the hypervisors: pulled, or as it was built on the controller. */
import type { Hypervisor } from '../../machine/hypervisor.ts'
import type { RegistryCredentials } from '../../transport/docker/credentials.ts'
import { type PulledImage, inspectImage, pullImage } from '../../transport/docker/pull.ts'
import type { Shipment } from '../../transport/docker/ship.ts'
import type { UndoLog } from '../dataplane.ts'
import { keptImage } from './undo.ts'

export interface ImageOptions {
  readonly image: string
  /** The image as it was built on the controller, to be brought to the hypervisors; without it `image` is pulled. */
  readonly shipment?: Shipment | undefined
  /** For the registry of `image`. */
  readonly credentials?: RegistryCredentials | undefined
  readonly undoLog: UndoLog
  readonly signal?: AbortSignal | undefined
  readonly log: (line: string) => void
}

/** Images on their way to several hypervisors, while other things are made ready there. */
export class ImagesUnderWay implements AsyncDisposable {
  private readonly ended = new AbortController()
  private readonly images: ReadonlyMap<Hypervisor, Promise<PulledImage>>

  constructor(hypervisors: readonly Hypervisor[], options: ImageOptions) {
    const signal = AbortSignal.any([this.ended.signal, ...(options.signal ? [options.signal] : [])])
    this.images = new Map(hypervisors.map((each) => [each, provideImage(each, { ...options, signal })]))
    for (const image of this.images.values()) image.catch(() => undefined) // whoever asks for it is told
  }

  /** @throws DeployError of what became of it */
  on(hypervisor: Hypervisor): Promise<PulledImage> {
    const image = this.images.get(hypervisor)
    if (!image) throw new TypeError(`no image is under way to ${hypervisor.name}`)
    return image
  }

  /** What is still under way is given up; nothing of it goes on afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.ended.abort(new Error('the environment is closed'))
    await Promise.allSettled(this.images.values())
  }
}

/** The image of this controller, as exactly that; it stays there for the next run. */
async function shippedImage(
  { name, docker }: Hypervisor,
  shipment: Shipment,
  { undoLog, log, signal }: ImageOptions,
): Promise<PulledImage> {
  const { reference } = shipment.image
  const undo = { kind: keptImage, reference }
  const journal = (): Promise<unknown> =>
    undoLog.record({ hypervisor: name, what: `image ${reference} on ${name}`, undo })
  const { id, shipped } = await shipment.to(name, docker, { log, signal, journal })
  if (!shipped) log(`${name}: has the image already`)
  return { reference, id, digest: undefined, pulled: shipped }
}

/**
 * The image by pull, or as it lies there when it was loaded and no registry is in its name.
 * @throws DeployError
 */
export async function provideImage(hypervisor: Hypervisor, options: ImageOptions): Promise<PulledImage> {
  if (options.shipment) return shippedImage(hypervisor, options.shipment, options)
  const before = await inspectImage(hypervisor.docker, options.image)
  if (before && (before.RepoDigests ?? []).length === 0) {
    return { reference: options.image, id: before.Id, digest: undefined, pulled: false }
  }
  if (!before) {
    // before the pull: a kill in the middle of it leaves an image too
    await options.undoLog.record({
      hypervisor: hypervisor.name,
      what: `image ${options.image} on ${hypervisor.name}`,
      undo: { kind: 'image', reference: options.image },
    })
  }
  const { signal, credentials } = options
  return pullImage(hypervisor.name, hypervisor.docker, options.image, { signal, credentials })
}
