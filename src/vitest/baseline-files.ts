/** The baselines of a project: `baselines/<name>.json`. */
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchConfig } from '../config/index.ts'
import { UsageError } from '../core/errors.ts'
import { replaceFile } from '../core/replace-file.ts'
import { suggest } from '../core/suggest.ts'
import {
  type Baseline,
  baselineOf,
  baselineTitle,
  parseBaseline,
  requireAlike,
  serialiseBaseline,
} from '../report/baseline.ts'
import { type Traits, differencesOf, traitsOf, windowTrait } from '../report/likeness.ts'
import type { RunRecord } from '../report/record.ts'
import type { BaselineContext } from './regression.ts'
import type { RunSettings } from './settings.ts'

export function baselineFolder(project: string): string {
  return join(project, 'baselines')
}

/**
 * What a run is to do with baselines, before anything of it has begun.
 * @throws UsageError for a baseline that there is not, or that is of another config; ConfigError for a broken one
 */
export async function baselinesFor(
  { baseline, saveBaseline: saving, allowUnlike }: RunSettings,
  config: BenchConfig,
): Promise<BaselineContext> {
  const folder = baselineFolder(process.cwd())
  if (baseline === undefined) {
    if (allowUnlike) throw new UsageError('--allow-unlike belongs to --baseline: write --baseline NAME')
    return { folder, saving, allowUnlike }
  }
  const against = await readBaseline(folder, baseline)
  const own = traitsOf({ machines: [], config, profile: config.measurement, dataPlanes: [] })
  const window = differencesOf(
    { ...against.traits, tools: pick(against.traits.tools) },
    { ...own, tools: pick(own.tools) },
    ['config', 'tools'],
  )
  requireAlike(against, window, allowUnlike)
  return { folder, against, saving, allowUnlike }
}

/** The machines, and what runs on them, are not known yet. */
function pick(tools: Traits['tools']): Traits['tools'] {
  return Object.fromEntries(Object.entries(tools).filter(([name]) => name === windowTrait))
}

/** @throws UsageError when there is none of that name, with those that there are; ConfigError for a broken one */
export async function readBaseline(folder: string, name: string): Promise<Baseline> {
  const file = join(folder, `${name}.json`)
  const text = await readFile(file, 'utf8').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT')
      throw new UsageError(`baseline ${name} cannot be read: ${error.message}`, { cause: error })
    throw new UsageError(await missing(folder, name))
  })
  return parseBaseline(text, file)
}

async function missing(folder: string, name: string): Promise<string> {
  const entries = await readdir(folder).catch(() => []) // no folder, no baselines: what is said is the same
  const names = entries.filter((entry) => entry.endsWith('.json')).map((entry) => entry.slice(0, -5))
  const near = suggest(name, names)
  const instead =
    near !== undefined
      ? `did you mean ${near}?`
      : names.length > 0
        ? `there are ${names.sort().join(', ')}`
        : 'there is none yet'
  return `there is no baseline ${name} in ${folder}: ${instead} (--save-baseline ${name} makes one)`
}

/**
 * Keeps a run's figures under a name, in the place of what was kept before. A run that was interrupted, or is itself a
 * regression, keeps nothing.
 * @returns what was done, in a sentence
 */
export async function saveBaseline(folder: string, name: string, record: RunRecord): Promise<string> {
  const refused = whyNot(record)
  if (refused !== undefined) return `baseline ${name} was not saved: ${refused}`
  const { baseline, leftOut } = baselineOf(record, name)
  const without = leftOut.length > 0 ? `; left out: ${leftOut.join(', ')}` : ''
  if (!baseline) return `baseline ${name} was not saved: no test has a figure that was decided${without}`
  await mkdir(folder, { recursive: true })
  const old = await readBaseline(folder, name).catch(() => undefined) // whatever it was, it is replaced
  const file = await replaceFile(join(folder, `${name}.json`), serialiseBaseline(baseline))
  const replaced = old ? `, in the place of ${old.figures.length} of ${old.startedAt.slice(0, 10)}` : ''
  return `${baselineTitle(baseline)}: ${baseline.figures.length} figures kept in ${file}${replaced}${without}`
}

function whyNot({ interruptedBy, tests }: RunRecord): string | undefined {
  if (interruptedBy) return `the run was interrupted by ${interruptedBy}`
  const worse = tests.find(({ baselines = [] }) => baselines.some(({ state }) => state === 'regression'))
  return worse && `${worse.name} is a regression, which would become the measure of the next run`
}
