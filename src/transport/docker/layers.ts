/** Which layers of an image an engine has already. A layer counts with all below it: that is how engines keep them. */
import type Docker from 'dockerode'
import pLimit from 'p-limit'
import { inspectImage } from './pull.ts'

/** How many of `wanted`, from the lowest, one of `images` has too. */
export function sharedLayers(wanted: readonly string[], images: readonly (readonly string[])[]): number {
  const shared = images.map((layers) => {
    const differs = wanted.findIndex((layer, index) => layers[index] !== layer)
    return differs < 0 ? wanted.length : differs
  })
  return Math.max(0, ...shared)
}

/** How many of `wanted`, from the lowest, the engine has. */
export async function presentLayers(docker: Docker, wanted: readonly string[]): Promise<number> {
  const limit = pLimit(8)
  const images = await docker.listImages()
  const layers = images.map(({ Id: id }) =>
    // one that is removed meanwhile has none
    limit(async () => (await inspectImage(docker, id))?.RootFS?.Layers ?? []),
  )
  return sharedLayers(wanted, await Promise.all(layers))
}
