/** One mode of a plan: the environment opened, its tests, and all of it taken back, by the code of a run. */
import type { BenchConfig, RunMode } from '../config/index.ts'
import { DpbenchError, describeError } from '../core/errors.ts'
import { Environment } from '../environment/environment.ts'
import type { BuiltImage } from '../transport/docker/build.ts'
import type { RunContext } from '../vitest/run-context.ts'
import type { RunInputs } from '../vitest/run-inputs.ts'
import { patience } from './patience.ts'
import type { PlannedMode, PlannedTest } from './plan-schema.ts'
import { emptyPart } from './recorder.ts'
import { planTest } from './run-test.ts'
import type { Stage } from './stage.ts'
import type { CollectedTest } from './suite-api.ts'

export interface ModePlanning {
  readonly inputs: RunInputs
  readonly mode: RunMode
  readonly tests: readonly CollectedTest[]
  readonly built: BuiltImage | undefined
}

/** For an environment, opened. */
const openingSeconds = 20

export async function planMode(stage: Stage, planning: ModePlanning): Promise<PlannedMode> {
  const { mode } = planning
  const { world, recorder, config, profile, folder, journal, instead } = stage
  const { observe } = recorder
  world.mode = mode
  const run = contextOf(stage, planning, config)
  const environment = emptyPart()
  const tests: PlannedTest[] = []
  let refused: string | undefined
  using limit = patience(openingSeconds)
  try {
    const log = (): void => undefined
    const keepLog = async (): Promise<void> => undefined
    const options = { ...run, folder, log, keepLog, observe, journal, instead, signal: limit.signal }
    const opened = await recorder.during(environment, () => Environment.open(options))
    limit[Symbol.dispose]()
    for (const test of planning.tests)
      tests.push(await planTest(test, { environment: opened, run, profile, world, recorder, observe }))
    await recorder.during(environment, () => opened[Symbol.asyncDispose](), true)
  } catch (error) {
    if (!(error instanceof DpbenchError)) throw error
    refused = recorder.shown(describeError(error))
    stage.onTrouble(error)
  }
  const all = tests.flatMap(({ measurements }) => measurements)
  const sum = (end: 'min' | 'max'): number => all.reduce((total, { seconds }) => total + seconds[end], 0)
  return { mode, environment, refused, tests, seconds: { min: sum('min'), max: sum('max') } }
}

function contextOf(
  { folder, runId }: Stage,
  { inputs: { settings, image }, mode, built }: ModePlanning,
  config: BenchConfig,
): RunContext {
  return {
    runId,
    mode,
    config,
    image,
    built,
    reboot: settings.reboot,
    stateFolder: folder,
    resultsFolder: folder,
    verdictRule: settings.verdictRule,
    verbose: false,
    live: false,
    strict: settings.strict,
    keepOnFailure: false,
    breakOnFailure: false,
    interactive: false,
    files: 0,
    wayIn: [],
    measureOnly: settings.measureOnly,
    waitForLease: settings.waitForLease,
  }
}
