/** What `calibrate`, `ab` and `bisect` have in common at the command line: options of their runs, and their series. */
import { resolve } from 'node:path'
import { loadConfig } from '../src/config/index.ts'
import { UsageError } from '../src/core/errors.ts'
import { processRuns } from '../src/series/child-run.ts'
import { Series, type SeriesPlan, type SeriesTools } from '../src/series/series.ts'
import type { SeriesKind } from '../src/series/state.ts'
import { unlockIdentity } from '../src/transport/ssh/identity.ts'
import { modeMissing, readSettings, settingVariables } from '../src/vitest/settings.ts'
import { type OptionSpec, type OptionValues, takeOptions } from './options.ts'
import { runOptions, variableOf, vitestArguments } from './run.ts'
import { progress } from './terminal.ts'

/** Options of `dpbench run` with a path, which must mean the same when the series goes on elsewhere. */
const paths = ['env-config-file', 'dpservice-source']

export const seriesOptions: readonly OptionSpec[] = [
  { name: 'tag', value: 'NAME', help: "the name of the series' folder in results/; default: the time" },
  { name: 'results', value: 'DIR', help: 'in which that folder is made; default: results' },
  {
    name: 'resume',
    value: 'FOLDER',
    help: 'go on with a series that was cut; takes none of the other options',
  },
  {
    name: 'repeats',
    value: 'N',
    help: 'how many runs that were INVALID or lost their machines may be repeated, in all; default: 3',
  },
]

/** What a series hands to each of its runs: where and how it measures, and nothing of what is made of the figures. */
const ofEachRun = [
  'mode',
  'stage',
  'docker-image',
  'dpservice-source',
  'reboot',
  'env-config-file',
  'env-config-name',
  'profile',
  'strict',
  'verbose',
]

/** Those options of `dpbench run`, but for `without`. */
export function handedOn(without: readonly string[] = []): OptionSpec[] {
  return runOptions.filter(({ name }) => ofEachRun.includes(name) && !without.includes(name))
}

export interface SeriesRequest {
  readonly kind: SeriesKind
  /** Of the options that are the series' own. */
  readonly values: OptionValues
  readonly runArguments: readonly string[]
}

/** Takes a command line apart. What `dpbench run` would refuse is refused here, before anything is made. */
export async function takeSeriesOptions(
  kind: SeriesKind,
  argv: readonly string[],
  own: readonly OptionSpec[],
  ofRuns: readonly OptionSpec[],
): Promise<SeriesRequest> {
  const { values: all, rest } = takeOptions(argv, [...own, ...seriesOptions, ...ofRuns])
  const isOfRuns = (name: string): boolean => ofRuns.some((spec) => spec.name === name)
  const given = Object.entries(all)
  const values = Object.fromEntries(given.filter(([name]) => !isOfRuns(name)))
  const asked: OptionValues = {
    ...fromEnvironment(ofRuns),
    ...Object.fromEntries(given.filter(([name]) => isOfRuns(name))),
  }
  if (values['resume'] !== undefined)
    refuseBeside(
      kind,
      given.map(([name]) => name),
      rest,
    )
  await vitestArguments(rest, [...own, ...seriesOptions, ...ofRuns])
  const runArguments = Object.entries(asked).flatMap(([name, value]) => optionArguments(name, value))
  return { kind, values, runArguments: [...runArguments, ...rest] }
}

/** @throws UsageError for each of `names` in `argv`, with what to do instead */
export function refuseOptions(argv: readonly string[], names: readonly string[], instead: string): void {
  const found = names.filter((name) =>
    argv.some((each) => each === `--${name}` || each.startsWith(`--${name}=`)),
  )
  if (found.length > 0) throw new UsageError(`${found.map((name) => `--${name}`).join(', ')}: ${instead}`)
}

/** As `dpbench run` reads them. @throws UsageError */
export function checkRunArguments(runArguments: readonly string[]): void {
  const { values } = takeOptions(runArguments, runOptions)
  const { modes } = readSettings(
    Object.fromEntries(Object.entries(values).map(([name, value]) => [variableOf(name), String(value)])),
  )
  if (modes.length === 0) throw new UsageError(modeMissing)
}

/** What the runs of a series were started with, by the option's name. */
export function runValues(runArguments: readonly string[]): Readonly<Record<string, string | undefined>> {
  const { values } = takeOptions(runArguments, runOptions)
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
}

/** The series that `--resume` names, or a new one. */
export async function openSeries(
  { kind, values, runArguments }: SeriesRequest,
  plan: SeriesPlan,
  signal: AbortSignal,
): Promise<Series> {
  const repeats = wholeNumber(values, 'repeats', 0)
  const { 'env-config-file': file, 'env-config-name': configName } = runValues(runArguments)
  // before the first run: a person who is asked for a passphrase is asked once, and not in the middle of the night
  if (values['resume'] === undefined)
    await unlockIdentity((await loadConfig({ file, name: configName })).keyFile)
  const tools: SeriesTools = {
    start: processRuns([process.execPath, process.argv[1]!], withoutSettings()),
    log: progress,
    signal,
    verbose: runArguments.includes('--verbose'),
    ...(repeats !== undefined && { mostRepeats: repeats }),
  }
  const resume = values['resume']
  if (typeof resume === 'string') return Series.resume(resolve(resume), kind, tools)
  const name = typeof values['tag'] === 'string' ? values['tag'] : undefined
  const results = resolve(typeof values['results'] === 'string' ? values['results'] : 'results')
  return Series.begin({ kind, plan, runArguments: [...runArguments] }, { results, name }, tools)
}

/** @throws UsageError when it is given and no whole number of at least `least` */
export function wholeNumber(values: OptionValues, name: string, least: number): number | undefined {
  const value = values[name]
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^\d+$/.test(value) && Number(value) >= least) return Number(value)
  throw new UsageError(`--${name} is "${String(value)}": write a whole number, at least ${least}`)
}

function refuseBeside(kind: SeriesKind, given: readonly string[], rest: readonly string[]): void {
  const allowed = ['resume', 'repeats', 'write']
  const others = [...given.filter((name) => !allowed.includes(name)).map((name) => `--${name}`), ...rest]
  if (others.length === 0) return
  throw new UsageError(
    `--resume goes on with what the series was begun with: leave ${others.join(' ')} out, or begin another ` +
      `\`dpbench ${kind}\` without --resume`,
  )
}

/** `DPBENCH_*` variables count where the option is not given. */
function fromEnvironment(specs: readonly OptionSpec[]): OptionValues {
  const found = specs.flatMap(({ name, value }): [string, string | true][] => {
    const set = process.env[variableOf(name)]
    if (set === undefined || set === '' || (value === undefined && set !== 'true')) return []
    return [[name, value === undefined ? true : set]]
  })
  return Object.fromEntries(found)
}

function optionArguments(name: string, value: string | true): string[] {
  if (value === true) return [`--${name}`]
  return [`--${name}`, paths.includes(name) ? resolve(value) : value]
}

/** What was asked for stands in the arguments, so that a series that goes on elsewhere asks for the same. */
function withoutSettings(): NodeJS.ProcessEnv {
  // of many runs nobody wants each one's summary in a CI's
  const settings = new Set<string>([...Object.values(settingVariables), 'GITHUB_STEP_SUMMARY'])
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.has(name)))
}
