/** `dpbench run`: the suites, in Vitest of this process, with signal handlers of ours that clean up. */
import type { Reporter, Vitest } from 'vitest/node'
import { UsageError } from '../src/core/errors.ts'
import { heldBySeries } from '../src/series/child-run.ts'
import { type SettingName, pluginName, settingVariables } from '../src/vitest/settings.ts'
import { type OptionSpec, type OptionValues, helpOf, takeOptions, unknownOption } from './options.ts'

export const runOptions: readonly OptionSpec[] = [
  {
    name: 'mode',
    value: 'offload|non-offload|both',
    help: 'what to measure; required, but with "dataplane": "none" in the config',
  },
  {
    name: 'stage',
    value: 'dev|cicd',
    help: 'dev builds the image of --dpservice-source, cicd pulls it; default: cicd without a source',
  },
  {
    name: 'docker-image',
    value: 'REF',
    help: "the data plane's image; default: the config's default_dpservice_image",
  },
  {
    name: 'dpservice-source',
    aliases: ['dpservice-build-path'],
    value: 'DIR',
    help: 'a source tree with a Dockerfile: built here, sent to the hypervisors (--stage dev)',
  },
  { name: 'reboot', help: 'reboot the VMs before the data plane is deployed' },
  {
    name: 'env-config-file',
    value: 'FILE',
    help: 'default: config/test_configurations.json, else the running lab',
  },
  { name: 'env-config-name', value: 'NAME', help: 'which config of a file that holds several' },
  { name: 'profile', value: 'quick|default|release', help: "overrides the config's measurement" },
  {
    name: 'verdict',
    value: 'interval|mean',
    help: 'what is held against the threshold; default: the 95 % interval',
  },
  {
    name: 'baseline',
    value: 'NAME',
    help: 'hold each throughput against baselines/NAME.json; a regression that is seen twice fails (exit code 1)',
  },
  { name: 'save-baseline', value: 'NAME', help: 'keep the figures of this run as baselines/NAME.json' },
  {
    name: 'allow-unlike',
    help: 'with --baseline: also one of other machines, another configuration or other tools',
  },
  {
    name: 'strict',
    help: 'a test whose needs the config does not meet fails (exit code 2), instead of being skipped',
  },
  {
    name: 'tags',
    value: 'TAGS',
    help: 'run suites with these tags: traffic, resilience; default: those without a tag',
  },
  {
    name: 'shuffle',
    value: '[SEED]',
    optional: /^\d+$/,
    help: 'suites and their tests in random order; the seed, which is printed, repeats it',
  },
  { name: 'tag', value: 'NAME', help: 'the name of the results folder; default: the time' },
  { name: 'results', value: 'DIR', help: 'where results folders are made; default: results' },
  {
    name: 'measure-only',
    help: 'measure the fewest repetitions of the profile, and hold nothing against a threshold',
  },
  {
    name: 'wait-for-lease',
    value: 'SECONDS',
    help: 'wait so long for hypervisors that somebody else uses; default: do not wait',
  },
  {
    name: 'keep-on-failure',
    help: 'after a failing test everything stays as it is, to be looked at; the next run puts it back',
  },
  {
    name: 'break-on-failure',
    help: 'a failing test stops at a prompt before anything of it is taken back; needs a terminal',
  },
  { name: 'verbose', help: 'show every step' },
]

const signals = { SIGINT: 130, SIGTERM: 143 } as const

export const runHelp = `dpbench run --mode MODE [options] [suite files…]

${helpOf(runOptions)}

Every option of Vitest is taken as well (-t NAME runs one scenario, by its old name too). Options also come by variables: ${Object.values(settingVariables).join(', ')}.`

/** Runs the suites and returns the exit code. @throws DpbenchError before anything has begun */
export async function run(argv: readonly string[]): Promise<number> {
  const interruption = new Interruption()
  interruption.watchSeries()
  const { values, rest } = takeOptions(argv, runOptions)
  applySettings(values)
  process.env['DPBENCH_REPORTER_ALONE'] = '1'
  const { createVitest } = await import('vitest/node')
  const { filter, options } = await vitestArguments(rest)
  const vitest = await createVitest({ ...options, run: true, watch: false, reporters: [interruption] })
  interruption.watchOver(vitest)
  try {
    requirePlugin(vitest)
    await vitest.start(filter)
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode
    if (!isNoTests(error)) throw error
    throw noSuite(filter, error)
  } finally {
    await vitest.close()
  }
  return interruption.exitCode ?? (typeof process.exitCode === 'number' ? process.exitCode : 0)
}

/** Whether `vitest` was called with an option of ours, so that the call is meant for dpbench. */
export function isForDpbench(argv: readonly string[]): boolean {
  const { values } = takeOptions(argv, runOptions)
  const { mode, ...others } = values
  const ownMode = typeof mode === 'string' && /^(both|(non-)?offload(ing)?)$/.test(mode)
  return ownMode || Object.keys(others).some((name) => name !== 'verbose')
}

/** @param filter what was asked for */
export function noSuite(filter: readonly string[], cause?: unknown): UsageError {
  const asked = filter.length > 0 ? `matches ${filter.join(' ')}` : 'is there'
  return new UsageError(`no suite ${asked}: suites are what "include" of vitest.config.ts names`, { cause })
}

/** Without the plugin nothing is measured, and Vitest would be content with whatever tests there are. */
export function requirePlugin({ vite }: Vitest): void {
  if (vite.config.plugins.some(({ name }) => name === pluginName)) return
  const { configFile } = vite.config
  const where = configFile ?? 'this folder, which has no vitest.config.ts'
  throw new UsageError(
    `the plugin is missing in ${where}: write \`import { dpbench } from 'dpbench/plugin'\` and ` +
      '`export default defineConfig({ plugins: [dpbench()] })` into vitest.config.ts',
  )
}

/** Options become the variables that a worker, and an editor's Vitest, know too. */
export function applySettings(values: OptionValues): void {
  for (const [name, value] of Object.entries(values)) process.env[variableOf(name)] = String(value)
}

/** `docker-image` → `DPBENCH_DOCKER_IMAGE` */
export function variableOf(option: string): string {
  const setting = option.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()) as SettingName
  return settingVariables[setting]
}

/** What is left of a command line, as Vitest takes it. @throws UsageError for an option that neither side knows */
export async function vitestArguments(
  rest: readonly string[],
  specs: readonly OptionSpec[] = runOptions,
): Promise<{ filter: string[]; options: object }> {
  const { createCLI, parseCLI } = await import('vitest/node')
  const argv = ['run', ...(rest[0] === 'run' ? rest.slice(1) : rest)]
  const cli = createCLI()
  try {
    cli.parse(['node', 'vitest', ...argv], { run: false })
    cli.matchedCommand?.checkUnknownOptions()
    return parseCLI(['vitest', ...argv])
  } catch (error) {
    const unknown = /Unknown option `--?(.+?)`/.exec((error as Error).message)?.[1]
    if (unknown === undefined) throw new UsageError((error as Error).message, { cause: error })
    const name = unknown.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const known = [
      ...specs.map((spec) => spec.name),
      ...cli.globalCommand.options.map((option) => option.name),
    ]
    throw new UsageError(unknownOption(name, known), { cause: error })
  }
}

/**
 * SIGINT and SIGTERM. It takes the place of Vitest's own handlers, which end the process without clean-up. Until a suite
 * has been handed to a worker there is nothing to put back; Vitest forgets what was cancelled before that.
 */
class Interruption implements Reporter {
  exitCode: number | undefined
  private vitest: Vitest | undefined
  private handedOut = false

  constructor() {
    this.listen()
  }

  /** Vitest has set handlers of its own meanwhile. */
  watchOver(vitest: Vitest): void {
    this.vitest = vitest
    this.listen()
  }

  onTestModuleQueued(): void {
    this.handedOut = true
    if (this.exitCode !== undefined) this.cancel()
  }

  /** A series that died leaves nobody who would end this run. */
  watchSeries(): void {
    if (!process.env[heldBySeries]) return
    process.stdin.once('end', () => this.onSignal('SIGTERM'))
    process.stdin.resume()
  }

  private listen(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.removeAllListeners(signal)
      process.on(signal, () => this.onSignal(signal))
    }
  }

  private onSignal(signal: keyof typeof signals): void {
    if (this.exitCode !== undefined) return
    this.exitCode = signals[signal]
    process.env['DPBENCH_INTERRUPTED_BY'] = signal
    if (!this.vitest) process.exit(this.exitCode)
    process.stderr.write(`\n${signal}: ending what runs and putting everything back…\n`)
    if (this.handedOut) this.cancel()
  }

  private cancel(): void {
    void this.vitest?.cancelCurrentRun('keyboard-input')
  }
}

function isNoTests(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'VITEST_FILES_NOT_FOUND'
}
