/** `dpbench pairs`: groups of local and remote programs, each with each, on two machines. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { loadConfig } from '../src/config/index.ts'
import { ExitCode, UsageError, describeError } from '../src/core/errors.ts'
import { controller } from '../src/core/steps.ts'
import { type Group, readGroup, sides } from '../src/pairs/group.ts'
import { type GroupRunOptions, runGroup, runHooksAfter } from '../src/pairs/group-run.ts'
import type { PairOutcome } from '../src/pairs/pair.ts'
import { scaffold } from '../src/pairs/scaffold.ts'
import { type GroupOutcome, countsLine, hasFailed, hookLine, pairLine } from '../src/pairs/summary.ts'
import { troubleRecorder } from '../src/vitest/flight.ts'
import { logKeeper } from '../src/vitest/log-keeper.ts'
import { Values } from './flow-options.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions, takeRepeated } from './options.ts'
import { type OpenMachines, openPairMachines } from './pairs-machines.ts'
import { oldResults, resultsFor, tagOf } from './pairs-results.ts'
import { progress, untilSignal } from './terminal.ts'

const variable: OptionSpec = {
  name: 'env',
  value: 'NAME=VALUE',
  help: 'a variable for all programs and hooks; may be given several times',
}
const single: readonly OptionSpec[] = [
  {
    name: 'local',
    value: 'MACHINE',
    help: 'runs the local programs; a machine of the config, or controller (required)',
  },
  { name: 'remote', value: 'MACHINE', help: 'runs the remote programs; it may be the same one (required)' },
  { name: 'tag', value: 'NAME', help: 'the folder in results/; default: the time' },
  { name: 'timeout', value: 'SECONDS', help: 'for each pair and each hook; default: 600' },
  { name: 'port-timeout', value: 'SECONDS', help: 'for a port to open or close; default: 60' },
  { name: 'grace', value: 'SECONDS', help: 'between SIGHUP, SIGTERM and SIGKILL; default: 5' },
]
const rest: readonly OptionSpec[] = [
  { name: 'strict', help: 'a hook that fails is a failure; before the first pair it ends the group' },
  { name: 'rerun', value: 'after', help: 'only the hooks after the last pair, on the results of --tag' },
  {
    name: 'address',
    value: 'ADDRESS',
    help: 'REMOTE_HOST; default: in the overlay if the machine has that, else the config’s',
  },
  { name: 'mode', value: 'offload|non-offload', help: 'deploy the data plane for this, and remove it' },
  { name: 'docker-image', value: 'REF', help: "with --mode; default: the config's default_dpservice_image" },
  { name: 'wait-for-lease', value: 'SECONDS', help: 'for hypervisors that somebody else uses; default: 0' },
  {
    name: 'env-config-file',
    value: 'FILE',
    help: 'default: config/test_configurations.json, else the running lab',
  },
  { name: 'env-config-name', value: 'NAME', help: 'which config of a file that holds several' },
]
const options = [...single, ...rest]

export const pairsHelp = `dpbench pairs DIR… --local MACHINE --remote MACHINE [options]
dpbench pairs new NAME

Runs each executable in DIR/local with each in DIR/remote; hooks run before the first pair and after the last.
Results: results/<tag>/<group>/<local>_x_<remote>/{local,remote}/, with SUCCESS or FAILED. Groups of mirage-bench
run unchanged. docs/pairs.md says more.

${helpOf([...single, variable, ...rest])}`

export async function pairs(argv: readonly string[]): Promise<number> {
  return argv[0] === 'new' ? create(argv.slice(1)) : run(argv)
}

async function create(argv: readonly string[]): Promise<number> {
  refuseUnknown(argv, [])
  const [folder, ...more] = argv
  if (folder === undefined || more.length > 0)
    throw new UsageError('name one group: write dpbench pairs new test-mine')
  for (const file of await scaffold(folder)) print(file)
  return ExitCode.passed
}

interface Asked {
  readonly groups: readonly Group[]
  readonly names: GroupOutcome['machines']
  readonly values: Values
  readonly variables: Readonly<Record<string, string>>
  readonly limits: GroupRunOptions['limits']
  readonly strict: boolean
  readonly after: boolean
}

function run(argv: readonly string[]): Promise<number> {
  const asked = askedFor(argv)
  return untilSignal(async (signal) => {
    const { groups, values, names } = asked
    const needsConfig = names.local !== controller || names.remote !== controller
    const config = needsConfig
      ? await loadConfig({
          file: values.text('env-config-file') ?? process.env['DPBENCH_ENV_CONFIG_FILE'],
          name: values.text('env-config-name') ?? process.env['DPBENCH_ENV_CONFIG_NAME'],
        })
      : undefined
    const tag = values.text('tag')
    const mode = values.oneOf('mode', ['offload', 'non-offload'])
    const image =
      values.text('docker-image') ?? process.env['DPBENCH_DOCKER_IMAGE'] ?? config?.defaultDpserviceImage
    if (mode && image === undefined)
      throw new UsageError('no dpservice image: give --docker-image <reference>')
    let results: string | undefined = asked.after ? oldResults(tag!, groups) : undefined
    const runId = `${Date.now().toString(36)}-${randomBytes(3).toString('hex')}`
    await using opened = await openPairMachines({
      config,
      names,
      remoteAddress: values.text('address'),
      deploy: mode && { mode, image: image! },
      runId,
      waitForLease: values.whole('wait-for-lease', 0, 99_999, 0),
      log: progress,
      keepLog: async (log) => {
        results ??= await resultsFor(tag, groups)
        if (config) await logKeeper(results, config, progress)(log)
      },
      ...(config && {
        onTrouble: troubleRecorder({ log: progress }, async () => {
          results ??= await resultsFor(tag, groups)
          return { config, runId, mode: mode ?? 'plain', resultsFolder: results }
        }),
      }),
      signal,
    })
    results ??= await resultsFor(tag, groups)
    return await runGroups(asked, opened, results, runId, signal)
  })
}

async function runGroups(
  { groups, variables, limits, strict, after }: Asked,
  { machines, journal }: OpenMachines,
  results: string,
  runId: string,
  signal: AbortSignal,
): Promise<number> {
  const outcomes: Counted[] = []
  const where = relative(process.cwd(), results) || '.'
  try {
    for (const [index, group] of groups.entries()) {
      progress(
        `${group.name}: ${machines.local.name} (local), ${machines.remote.name} (remote, ${machines.remote.address})`,
      )
      for (const each of group.remarks) progress(each)
      const common = {
        group,
        machines,
        variables,
        limits,
        journal,
        signal,
        strict,
        runId: `${runId}-${index + 1}`,
        tag: tagOf(results),
        results: join(results, group.name),
        onHook: (outcome: Parameters<GroupRunOptions['onHook']>[0]) => print(hookLine(outcome)),
        onPair: (outcome: PairOutcome) => tellPair(outcome, join(results, group.name)),
        onEnd: (outcome: GroupOutcome) => void outcomes.push(outcome),
      }
      if (!after) await runGroup(common)
      else outcomes.push({ pairs: [], notRun: [], hooks: await hooksAgain(common) })
    }
  } finally {
    print(`${after ? hooksLine(outcomes) : countsLine(outcomes)}: ${where}`)
  }
  const hookFailed = outcomes.some(({ hooks }) => hooks.some(({ fault }) => fault !== undefined))
  const failed = outcomes.some(hasFailed) || ((strict || after) && hookFailed)
  return failed ? ExitCode.thresholdMissed : ExitCode.passed
}

/** With the last that a failed pair's programs had to say. */
function tellPair(outcome: PairOutcome, results: string): void {
  print(pairLine(outcome))
  if (outcome.succeeded) return
  for (const side of sides) {
    const file = join(results, outcome.pair.name, side, 'stderr')
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').filter(Boolean) : []
    for (const line of lines.slice(-5)) print(`         ${side}: ${line}`)
  }
}

type Counted = Pick<GroupOutcome, 'pairs' | 'notRun' | 'hooks'>

async function hooksAgain(options: Parameters<typeof runHooksAfter>[0]): Promise<GroupOutcome['hooks']> {
  const hooks = await runHooksAfter(options)
  if (hooks.length === 0)
    print(`${options.group.name} has no executable hook after_last_test_local or after_last_test_remote`)
  return hooks
}

function hooksLine(outcomes: readonly Counted[]): string {
  const hooks = outcomes.flatMap((each) => each.hooks)
  const failed = hooks.filter(({ fault }) => fault !== undefined).length
  return `${hooks.length} ${hooks.length === 1 ? 'hook' : 'hooks'}: ${hooks.length - failed} succeeded, ${failed} failed`
}

/** @throws UsageError with everything that is wrong */
function askedFor(argv: readonly string[]): Asked {
  const repeated = takeRepeated(argv, variable)
  const { values: given, rest: folders } = takeOptions(repeated.rest, options)
  refuseUnknown(folders, [...options, variable])
  const values = new Values(given)
  const names = { local: values.required('local', 'vm3'), remote: values.required('remote', 'vm1') }
  const limits = {
    timeoutSeconds: values.whole('timeout', 600, 604_800),
    portSeconds: values.whole('port-timeout', 60, 604_800),
    graceSeconds: values.whole('grace', 5, 600),
  }
  values.oneOf('mode', ['offload', 'non-offload'])
  values.whole('wait-for-lease', 0, 99_999, 0)
  if (values.text('address') !== undefined) values.address('address')
  if (values.text('docker-image') !== undefined && values.text('mode') === undefined)
    values.faults.push('--docker-image deploys a data plane, and needs --mode offload or non-offload')
  const after = values.oneOf('rerun', ['after']) === 'after'
  if (after && values.text('tag') === undefined)
    values.faults.push('--rerun after needs the results that it is for: write --tag NAME')
  const variables = variablesFrom(repeated.values, values.faults)
  const groups = groupsFrom(folders, values.faults)
  values.settle()
  return { groups, names, values, variables, limits, strict: given['strict'] === true, after }
}

function variablesFrom(given: readonly string[], faults: string[]): Record<string, string> {
  return Object.fromEntries(
    given.flatMap((each) => {
      const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(each) ?? []
      if (name === undefined) faults.push(`--env is "${each}": write --env NAME=VALUE`)
      return name === undefined ? [] : [[name, value!]]
    }),
  )
}

function groupsFrom(folders: readonly string[], faults: string[]): Group[] {
  if (folders.length === 0) faults.push('no group is named: write dpbench pairs examples/pairs/client-server')
  const groups = folders.flatMap((folder) => {
    try {
      return [readGroup(folder)]
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      faults.push(describeError(error))
      return []
    }
  })
  const names = groups.map(({ name }) => name)
  for (const name of new Set(names.filter((each, index) => names.indexOf(each) < index)))
    faults.push(
      `two groups are called ${name}, and would have the same results folder: run them one after the other`,
    )
  return groups
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
