/** The Vitest plugin: turns the settings and the config into one project per mode, and the run into a record. */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vitest/config'
import type { TestSpecification, Vitest } from 'vitest/node'
import { environmentFolder } from '../config/index.ts'
import { DpbenchError, UsageError } from '../core/errors.ts'
import { rememberEnvironment } from '../core/known-secrets.ts'
import { keepHeapSmall } from '../core/small-heap.ts'
import { requireNode } from '../core/node-version.ts'
import { unlockIdentity } from '../transport/ssh/identity.ts'
import { withClassicNames } from './classic-names.ts'
import { buildForRun } from './image.ts'
import { openScreen } from './live/open.ts'
import { takeMessages } from './messages.ts'
import { requireQuarantinedTests } from './quarantined-names.ts'
import { DpbenchReporter, aloneVariable } from './reporter.ts'
import type { RunContext } from './run-context.ts'
import { type Run, beginRun, finishRun, openResults, print } from './run.ts'
import { isInteractive, runInputs, unknownTags } from './run-inputs.ts'
import { sequenceOf } from './shuffle.ts'
import { wayIn } from './way-in.ts'
import { type RunSettings, pluginName, readSettings, resilienceTag, trafficTag } from './settings.ts'

/** Long enough for any measurement: each remote command and each wait has a deadline of its own. */
const testTimeoutMs = 3_600_000

/** One worker for all files, nothing at the same time, and no test run again: a retry would hide what it is to find. */
const forMeasuring = {
  pool: 'forks',
  isolate: false,
  fileParallelism: false,
  maxWorkers: 1,
  retry: 0,
  testTimeout: testTimeoutMs,
  hookTimeout: testTimeoutMs,
} as const

/** At a breakpoint somebody takes their time, and can end the run by Ctrl-C. */
const withoutLimits = { testTimeout: 0, hookTimeout: 0 } as const

/** Vitest evaluates a project's config file again for each mode, and so makes several plugins of the one run. */
let beginning: Promise<Run> | undefined

/**
 * Makes the project's suites run on the environment that the config describes, once per mode.
 * Options come from the `dpbench` command or from `DPBENCH_*` variables.
 */
export function dpbench(): Plugin {
  requireNode()
  return {
    name: pluginName,
    async config(config, { mode }) {
      if (config.test?.provide && 'dpbench' in config.test.provide)
        return { test: { ...forMeasuring, ...(isInteractive() && withoutLimits), onConsoleLog } } // one mode
      const run = await (beginning ??= begin(mode))
      return {
        test: {
          ...forMeasuring,
          ...(isInteractive() && withoutLimits),
          passWithNoTests: false,
          sequence: sequenceOf(run.settings),
          tags: [
            { name: trafficTag, description: 'figures beside throughput; run by --tags traffic' },
            { name: resilienceTag, description: 'outages of planted faults; run by --tags resilience' },
          ],
          teardownTimeout: 300_000,
          onConsoleLog,
          projects: run.settings.modes.map((each, index) => project(run, each, index)),
        },
      }
    },
    async configureVitest({ vitest, project }) {
      findOldNames(project.config)
      const run = await beginning
      if (!run || run.attached) return
      run.attached = true
      requireTags(run.settings.tags, vitest)
      attach(vitest, run)
    },
  }
}

async function begin(viteMode: string): Promise<Run> {
  try {
    return await runOf(readSettings(process.env, viteMode))
  } catch (error) {
    throw error instanceof DpbenchError ? forVitest(error) : error
  }
}

/** A plain `vitest` prints the stack of what its config throws, and takes the exit code that is set. */
function forVitest(error: DpbenchError): DpbenchError {
  error.stack = `${error.name}: ${error.message}`
  process.exitCode = error.exitCode
  return error
}

async function runOf(asked: RunSettings): Promise<Run> {
  keepHeapSmall()
  rememberEnvironment(process.env)
  const { settings, config, image, baselines } = await runInputs(asked)
  return { ...beginRun(settings, config, image), baselines }
}

function project(run: Run, mode: RunContext['mode'], index: number): object {
  const provide = { dpbench: contextOf(run, mode) }
  return {
    extends: true,
    test: {
      name: mode,
      provide,
      setupFiles: [fileOf('setup')],
      runner: fileOf('test-runner'),
      sequence: { ...sequenceOf(run.settings), groupOrder: index },
    },
  }
}

/** A file beside this one, which ends in .js when it is built. */
function fileOf(name: string): string {
  return fileURLToPath(import.meta.resolve(`./${name}${extname(import.meta.filename)}`))
}

function contextOf(run: Run, mode: RunContext['mode'], resultsFolder = '', files = 0): RunContext {
  return {
    files,
    runId: run.runId,
    mode,
    config: run.config,
    image: run.image,
    built: run.built,
    reboot: run.settings.reboot,
    stateFolder: environmentFolder(process.cwd(), run.config.name),
    resultsFolder,
    verdictRule: run.settings.verdictRule,
    verbose: run.settings.verbose,
    live: run.screen !== undefined,
    strict: run.settings.strict,
    baselines: run.baselines,
    keepOnFailure: run.settings.keepOnFailure,
    breakOnFailure: run.settings.breakOnFailure,
    interactive: isInteractive() && !run.watching,
    wayIn: wayIn(run.config, run.settings),
    measureOnly: run.settings.measureOnly,
    waitForLease: run.settings.waitForLease,
  }
}

/** The reporter reads our messages; Vitest's own reporters are not to show them. */
function onConsoleLog(log: string): false | undefined {
  const { messages, rest } = takeMessages(log)
  return messages.length > 0 && rest.trim() === '' ? false : undefined
}

/** Vitest takes an unknown tag for a failure of each project. @throws UsageError */
function requireTags(asked: string, vitest: Vitest): void {
  const known = vitest.config.tags.map(({ name }) => name)
  const unknown = unknownTags(asked, known)
  if (unknown !== undefined) throw forVitest(new UsageError(unknown))
}

/** A run takes the pattern of `-t` from the whole, a listing from each project. */
function findOldNames(config: Pick<Vitest['config'], 'testNamePattern'>): void {
  if (config.testNamePattern) config.testNamePattern = withClassicNames(config.testNamePattern)
}

function attach(vitest: Vitest, run: Run): void {
  findOldNames(vitest.config)
  const begin = async (specifications: readonly TestSpecification[]): Promise<void> => {
    if (specifications.length === 0) return
    await requireQuarantinedTests(vitest, run.config).catch((error: unknown) => {
      throw error instanceof DpbenchError ? forVitest(error) : error
    })
    await unlockIdentity(run.config.keyFile).catch((error: unknown) => {
      throw error instanceof DpbenchError ? forVitest(error) : error
    })
    const resultsFolder = await openResults(run)
    const { shuffleSeed } = run.settings
    if (shuffleSeed !== undefined) print(`order shuffled; --shuffle ${shuffleSeed} repeats it`)
    await buildForRun(run, resultsFolder)
    // beside Vitest's own reporters there is no room for it
    if (process.env[aloneVariable]) openScreen(run, specifications)
    for (const each of vitest.projects) {
      // not a config file's to say in Vitest 5; where it is there, it came by Vitest's own --tags-filter
      each.config.tagsFilter ??= [run.settings.tags]
      const mode = run.settings.modes.find((one) => one === each.name)
      const { length } = specifications.filter(({ project }) => project === each)
      if (mode) each.provide('dpbench', contextOf(run, mode, resultsFolder, length))
    }
  }
  vitest.config.reporters.push(new DpbenchReporter(run, begin) as never)
  run.watching = vitest.config.watch
  run.stop = () => void vitest.cancelCurrentRun('test-failure')
  vitest.onClose(() => finishRun(run))
}
