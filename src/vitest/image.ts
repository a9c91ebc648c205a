/** Which image a run deploys: one that is pulled, or with `--stage dev` one that is built first. */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { BenchConfig } from '../config/index.ts'
import { DpbenchError, UsageError } from '../core/errors.ts'
import { asPhase } from '../core/steps.ts'
import { buildImage, requireSource } from '../transport/docker/build.ts'
import { parseReference } from '../transport/docker/reference.ts'
import { type Run, print } from './run.ts'
import type { RunSettings } from './settings.ts'

/** Its file in the results folder. */
export const buildLog = 'build.log'

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

/**
 * Builds the image of a run of stage `dev`, before its workers start.
 * @throws DeployError when it does not build; the record tells it too
 */
export async function buildForRun(run: Run, resultsFolder: string): Promise<void> {
  const { dpserviceSource: source } = run.settings
  if (source === undefined || run.image === undefined) return
  const started = performance.now()
  const interruption = new AbortController()
  const interrupt = (): void => interruption.abort(new DpbenchError('interrupted while the image was built'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt)
  print(`building ${source}`)
  try {
    const { observe } = run.steps
    const options = {
      source,
      reference: run.image,
      dockerHost: run.config.dockerHost,
      logFile: join(resultsFolder, buildLog),
      onLine: (line: string) => print(`  │ ${line}`),
      signal: interruption.signal,
      observe,
    }
    run.built = await asPhase(observe, 'build the image', () => buildImage(options), interruption.signal)
  } catch (error) {
    run.recorder.failure('building the image', error)
    // a plain `vitest` prints the stack of what a reporter throws
    if (error instanceof DpbenchError) error.stack = `${error.name}: ${error.message}`
    throw error
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  print(`  built ${run.built.id} in ${seconds} s; all that was said is in ${join(resultsFolder, buildLog)}`)
}
