/** The image that a run with `--stage dev` builds first. */
import { join } from 'node:path'
import { DpbenchError } from '../core/errors.ts'
import { asPhase } from '../core/steps.ts'
import { buildImage } from '../transport/docker/build.ts'
import { type Run, print } from './run.ts'

/** Its file in the results folder. */
export const buildLog = 'build.log'

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
