/** Which image a run deploys: one that is pulled, or with `--stage dev` one that is built first. */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { BenchConfig } from '../config/index.ts'
import { UsageError } from '../core/errors.ts'
import { requireSource } from '../transport/docker/build.ts'
import { parseReference } from '../transport/docker/reference.ts'
import type { RunSettings } from './settings.ts'

/** None without a data plane. @throws UsageError when there is none, its name is malformed, or there is nothing to build; nothing is done yet */
export async function imageToRun(settings: RunSettings, config: BenchConfig): Promise<string | undefined> {
  if (config.dataplane === 'none') return undefined
  const { dockerImage, dpserviceSource } = settings
  if (dpserviceSource !== undefined) {
    await requireSource(dpserviceSource)
    return builtReference(config.name)
  }
  const image = dockerImage ?? config.defaultDpserviceImage
  if (image === undefined) {
    throw new UsageError(
      `no dpservice image: give --docker-image <reference>, or write "default_dpservice_image" into ${config.sourceFile}`,
    )
  }
  parseReference(image)
  return image
}

/** One tag per environment of one project on one controller: the image of its last run is the one that is kept. */
export function builtReference(environment: string, project = process.cwd()): string {
  const owner = createHash('sha256').update([hostname(), project, environment].join('\0')).digest('hex')
  const name = environment
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  return `dpbench-dev/${name || 'environment'}-${owner.slice(0, 8)}:latest`
}
