/** What a run is made of, found and checked before anything is done: of a run, and of a plan, which is refused in the same words. */
import { type BenchConfig, loadConfig, profiles } from '../config/index.ts'
import { UsageError } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'
import { baselinesFor } from './baseline-files.ts'
import { imageToRun } from './image-to-run.ts'
import type { BaselineContext } from './regression.ts'
import { modesOf } from './run-modes.ts'
import type { RunSettings } from './settings.ts'

export interface RunInputs {
  /** With the modes that the config has. */
  readonly settings: RunSettings
  /** With the profile that was asked for. */
  readonly config: BenchConfig
  /** None where no data plane is deployed. */
  readonly image: string | undefined
  readonly baselines: BaselineContext
}

/** @throws ConfigError, UsageError */
export async function runInputs(asked: RunSettings): Promise<RunInputs> {
  const loaded = await loadConfig({ file: asked.envConfigFile, name: asked.envConfigName })
  const settings = { ...asked, modes: modesOf(asked, loaded, process.env) }
  const measurement = settings.profile
    ? { ...profiles[settings.profile], onUnprovenMode: loaded.measurement.onUnprovenMode }
    : loaded.measurement
  const config: BenchConfig = { ...loaded, measurement }
  if (settings.breakOnFailure && !isInteractive())
    throw new UsageError(
      '--break-on-failure stops at a prompt, and this is no terminal: use --keep-on-failure, and look afterwards',
    )
  const baselines = await baselinesFor(settings, config)
  return { settings, config, image: await imageToRun(settings, config), baselines }
}

export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY
}

/** Why `--tags` cannot be meant, in a sentence; `undefined` when all of its tags are `known`. */
export function unknownTags(asked: string, known: readonly string[]): string | undefined {
  const unknown = (asked.match(/[^\s!&|()]+/g) ?? []).filter(
    (word) => !/^(and|or|not)$/i.test(word) && !word.includes('*') && !known.includes(word),
  )
  if (unknown.length === 0) return undefined
  const near = suggest(unknown[0]!, known)
  const instead = near === undefined ? `the tags are ${known.join(', ')}` : `did you mean ${near}?`
  return `--tags: there is no tag ${unknown.join(', ')}: ${instead}`
}
