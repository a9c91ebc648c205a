/** The Vitest plugin: turns the settings and the config into one project per mode, and the run into a record. */
import { fileURLToPath } from 'node:url'
import type { Vite, Vitest } from 'vitest/node'

import { loadConfig, environmentFolder, profiles, type BenchConfig } from '../config/index.ts'
import { UsageError } from '../core/errors.ts'
import { takeMessages } from './messages.ts'
import { DpbenchReporter } from './reporter.ts'
import type { RunContext } from './run-context.ts'
import { type Run, beginRun, finishRun } from './run.ts'
import { type RunSettings, readSettings } from './settings.ts'

/** Long enough for any measurement: each remote command and each wait has a deadline of its own. */
const testTimeoutMs = 3_600_000

/**
 * Makes the project's suites run on the environment that the config describes, once per mode.
 * Options come from the `dpbench` command or from `DPBENCH_*` variables.
 */
export function dpbench(): Vite.Plugin {
  let beginning: Promise<Run> | undefined
  return {
    name: 'dpbench',
    async config(config, { mode }) {
      if (config.test?.provide && 'dpbench' in config.test.provide) return undefined // a project of ours
      const run = await (beginning ??= begin(readSettings(process.env, mode)))
      return {
        test: {
          pool: 'forks',
          isolate: false,
          fileParallelism: false,
          maxWorkers: 1,
          retry: 0,
          passWithNoTests: false,
          testTimeout: testTimeoutMs,
          hookTimeout: testTimeoutMs,
          teardownTimeout: 300_000,
          sequence: { concurrent: false },
          onConsoleLog: (log: string) => passOn(run, log),
          projects: run.settings.modes.map((each, index) => project(run, each, index)),
        },
      }
    },
    async configureVitest({ vitest }) {
      const run = await beginning
      if (!run || run.attached) return
      run.attached = true
      attach(vitest, run)
    },
  }
}

async function begin(settings: RunSettings): Promise<Run> {
  const loaded = await loadConfig({ file: settings.envConfigFile, name: settings.envConfigName })
  const measurement = settings.profile
    ? { ...profiles[settings.profile], onUnprovenMode: loaded.measurement.onUnprovenMode }
    : loaded.measurement
  const config: BenchConfig = { ...loaded, measurement }
  const image = settings.dockerImage ?? config.defaultDpserviceImage
  if (image === undefined) {
    throw new UsageError(
      `no dpservice image: give --docker-image <reference>, or write "default_dpservice_image" into ${config.sourceFile}`,
    )
  }
  return beginRun(settings, config, image)
}

function project(run: Run, mode: RunContext['mode'], index: number): object {
  const context: RunContext = {
    runId: run.runId,
    mode,
    config: run.config,
    image: run.image,
    stateFolder: environmentFolder(process.cwd(), run.config.name),
    resultsFolder: run.resultsFolder,
    verdictRule: run.settings.verdictRule,
    verbose: run.settings.verbose,
  }
  const setup = fileURLToPath(import.meta.resolve('./setup.ts'))
  return {
    extends: true,
    test: { name: mode, provide: { dpbench: context }, setupFiles: [setup], sequence: { groupOrder: index } },
  }
}

/** Our own messages go to the reporter; what a test prints itself is printed by Vitest. */
function passOn(run: Run, log: string): boolean | undefined {
  const { messages, rest } = takeMessages(log)
  for (const message of messages) run.onMessage?.(message)
  return messages.length > 0 && rest.trim() === '' ? false : undefined
}

function attach(vitest: Vitest, run: Run): void {
  const reporter = new DpbenchReporter(run)
  run.onMessage = (message) => reporter.onMessage(message)
  vitest.config.reporters.push(reporter as never)
  vitest.onClose(async () => {
    await finishRun(run)
  })
}
