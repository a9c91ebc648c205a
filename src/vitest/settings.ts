/**
 * What a run was asked for. The bin turns its options into these `DPBENCH_*` variables, so that an editor's Vitest or a
 * plain `vitest`, which can't take the options, runs the suites in the very same way.
 */
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { z } from 'zod'
import type { Mode, RunMode } from '../config/index.ts'
import { UsageError } from '../core/errors.ts'

export interface RunSettings {
  /** Empty where none was asked for: whether one is needed is the config's to say (run-modes.ts). */
  readonly modes: readonly RunMode[]
  readonly stage: 'dev' | 'cicd'
  readonly dockerImage?: string | undefined
  /** The folder that `--stage dev` builds. Absolute. */
  readonly dpserviceSource?: string | undefined
  readonly reboot: boolean
  readonly envConfigFile?: string | undefined
  readonly envConfigName?: string | undefined
  /** The results folder's name. Default: the time. */
  readonly tag?: string | undefined
  /** Which tagged suites run, in the words of Vitest's `--tags-filter`. Default: `defaultTags`. */
  readonly tags: string
  /** Overrides the config's `measurement`. */
  readonly profile?: 'quick' | 'default' | 'release' | undefined
  readonly verdictRule: 'interval' | 'mean'
  /** The baseline that measurements are held against. */
  readonly baseline?: string | undefined
  /** The baseline that this run is to make. */
  readonly saveBaseline?: string | undefined
  /** Whether a baseline of other machines, another config or other tools is taken. */
  readonly allowUnlike: boolean
  /** A test whose needs the config does not meet fails, instead of being skipped. */
  readonly strict: boolean
  /** Measures the fewest repetitions and holds nothing against an expectation. */
  readonly measureOnly: boolean
  /** How long to wait for hypervisors that somebody else uses, in seconds. */
  readonly waitForLease: number
  /** In which results folders are made. Default: `results`. */
  readonly results?: string | undefined
  /** Of the order of suites and tests; absent: as they are listed. */
  readonly shuffleSeed?: number | undefined
  /** A failing test's environment stays as it is, and no other test is run. */
  readonly keepOnFailure: boolean
  /** A failing test stops at a prompt. */
  readonly breakOnFailure: boolean
  readonly verbose: boolean
}

/** By which the bin finds the plugin in a project's configuration. */
export const pluginName = 'dpbench'

/** Each option's variable. */
export const settingVariables = {
  mode: 'DPBENCH_MODE',
  stage: 'DPBENCH_STAGE',
  dockerImage: 'DPBENCH_DOCKER_IMAGE',
  dpserviceSource: 'DPBENCH_DPSERVICE_SOURCE',
  reboot: 'DPBENCH_REBOOT',
  envConfigFile: 'DPBENCH_ENV_CONFIG_FILE',
  envConfigName: 'DPBENCH_ENV_CONFIG_NAME',
  tag: 'DPBENCH_TAG',
  tags: 'DPBENCH_TAGS',
  profile: 'DPBENCH_PROFILE',
  verdict: 'DPBENCH_VERDICT',
  baseline: 'DPBENCH_BASELINE',
  saveBaseline: 'DPBENCH_SAVE_BASELINE',
  allowUnlike: 'DPBENCH_ALLOW_UNLIKE',
  strict: 'DPBENCH_STRICT',
  measureOnly: 'DPBENCH_MEASURE_ONLY',
  waitForLease: 'DPBENCH_WAIT_FOR_LEASE',
  results: 'DPBENCH_RESULTS',
  shuffle: 'DPBENCH_SHUFFLE',
  keepOnFailure: 'DPBENCH_KEEP_ON_FAILURE',
  breakOnFailure: 'DPBENCH_BREAK_ON_FAILURE',
  verbose: 'DPBENCH_VERBOSE',
} as const
export type SettingName = keyof typeof settingVariables

const modeNames: Readonly<Record<string, readonly Mode[]>> = {
  offload: ['offload'],
  offloading: ['offload'],
  'non-offload': ['non-offload'],
  'non-offloading': ['non-offload'],
  both: ['offload', 'non-offload'],
}

const modeHint = `write --mode offload, non-offload or both (or set ${settingVariables.mode})`
export const modeMissing = `--mode is missing: ${modeHint}`

/** The suites of this tag measure more than throughput. */
export const trafficTag = 'traffic'
/** These break machines on purpose. */
export const resilienceTag = 'resilience'
/** Suites of these run when they are asked for. */
export const askedForTags = [trafficTag, resilienceTag]
export const defaultTags = askedForTags.map((tag) => `!${tag}`).join(' && ')

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
  .optional()
const nonEmpty = z.string().min(1).optional()
const schema = z.object({
  mode: z.string().optional(),
  stage: z.enum(['dev', 'cicd']).optional(),
  dockerImage: nonEmpty,
  dpserviceSource: nonEmpty,
  reboot: z.stringbool().default(false),
  envConfigFile: nonEmpty,
  envConfigName: nonEmpty,
  tag: name,
  tags: z
    .string()
    .regex(/^[\w!&|()*. -]+$/)
    .default(defaultTags),
  profile: z.enum(['quick', 'default', 'release']).optional(),
  verdict: z.enum(['interval', 'mean']).default('interval'),
  baseline: name,
  saveBaseline: name,
  allowUnlike: z.stringbool().default(false),
  strict: z.stringbool().default(false),
  measureOnly: z.stringbool().default(false),
  waitForLease: z
    .string()
    .regex(/^\d{1,5}$/)
    .default('0')
    .transform(Number),
  results: nonEmpty,
  shuffle: z
    .string()
    .regex(/^(\d{1,9}|true|false)$/)
    .default('false'),
  keepOnFailure: z.stringbool().default(false),
  breakOnFailure: z.stringbool().default(false),
  verbose: z.stringbool().default(false),
})

const nameHint = 'letters, digits, dots, dashes and underscores, beginning with a letter or digit'
const hints: Partial<Record<SettingName, string>> = {
  stage: 'dev or cicd',
  profile: 'quick, default or release',
  verdict: 'interval or mean',
  reboot: 'true or false',
  strict: 'true or false',
  measureOnly: 'true or false',
  waitForLease: 'a number of seconds, at most 99999',
  shuffle: 'a seed of at most nine digits, or nothing for one by chance',
  keepOnFailure: 'true or false',
  breakOnFailure: 'true or false',
  verbose: 'true or false',
  tags: 'tags, with &&, || and ! between them',
  tag: nameHint,
  baseline: nameHint,
  saveBaseline: nameHint,
  allowUnlike: 'true or false',
}

/**
 * Reads the settings from the environment; `viteMode` (Vitest's own `--mode`) counts where DPBENCH_MODE is not set.
 * @throws UsageError with one sentence per fault
 */
export function readSettings(env: NodeJS.ProcessEnv, viteMode?: string): RunSettings {
  const given = Object.fromEntries(
    Object.entries(settingVariables).flatMap(([name, variable]) => {
      const value = env[variable]
      return value === undefined || value === '' ? [] : [[name, value]]
    }),
  )
  const parsed = schema.safeParse(given)
  const faults = (parsed.error?.issues ?? []).map((issue) => {
    const name = String(issue.path[0]) as SettingName
    return `${optionName(name)} (${settingVariables[name]}) is "${given[name]}": write ${hints[name] ?? 'a value'}`
  })
  const mode = given.mode ?? (viteMode === 'test' ? undefined : viteMode)
  const modes = mode === undefined ? [] : Object.hasOwn(modeNames, mode) ? modeNames[mode] : undefined
  if (!modes)
    faults.unshift(`--mode is "${mode}": ${modeHint}; a config with "dataplane": "none" takes no mode`)
  if (parsed.success) faults.push(...stageFaults(parsed.data))
  if (!parsed.success || !modes || faults.length > 0) throw new UsageError(faults.join('\n'))
  const { verdict, stage, dpserviceSource, shuffle, ...others } = parsed.data
  return {
    modes,
    ...others,
    stage: stage ?? (dpserviceSource === undefined ? 'cicd' : 'dev'),
    dpserviceSource: dpserviceSource && resolve(dpserviceSource),
    verdictRule: verdict,
    ...(shuffle !== 'false' && { shuffleSeed: shuffle === 'true' ? randomInt(1e9) : Number(shuffle) }),
  }
}

/** `dev` builds what it runs, `cicd` pulls it: what belongs to the other one is not silently left out. */
function stageFaults({ stage, dockerImage, dpserviceSource }: z.output<typeof schema>): string[] {
  const [source, sourceVariable] = [optionName('dpserviceSource'), settingVariables.dpserviceSource]
  if (stage === 'dev' && dpserviceSource === undefined)
    return [`--stage dev builds the image: give ${source} DIR (or set ${sourceVariable})`]
  if (stage === 'cicd' && dpserviceSource !== undefined)
    return [`${source} (${sourceVariable}) is for --stage dev: leave it out, or write --stage dev`]
  if (dpserviceSource !== undefined && dockerImage !== undefined) {
    const image = `${optionName('dockerImage')} (${settingVariables.dockerImage})`
    return [
      `${source} builds the image that is run: leave ${image} out, or write --stage cicd without ${source}`,
    ]
  }
  return []
}

/** `dockerImage` → `--docker-image` */
export function optionName(setting: string): string {
  return `--${setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
