/** One mode of a plan: the environment opened, its tests, and all of it taken back, by the code of a run. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchConfig, RunMode } from '../config/index.ts'
import { DpbenchError, describeError } from '../core/errors.ts'
import type { Journal } from '../core/journal.ts'
import type { Observe } from '../core/steps.ts'
import { Environment } from '../environment/environment.ts'
import { secretsIn } from '../report/secrets.ts'
import type { BuiltImage } from '../transport/docker/build.ts'
import type { RunContext } from '../vitest/run-context.ts'
import type { RunInputs } from '../vitest/run-inputs.ts'
import type { Assumed, GuestAssumptions } from './assumed.ts'
import { recordingInstead } from './instead.ts'
import { oneRepetition } from './measurements.ts'
import { MemoryJournal } from './memory-journal.ts'
import type { PlannedMode, PlannedTest } from './plan-schema.ts'
import { PlanRecorder, emptyPart } from './recorder.ts'
import { planTest } from './run-test.ts'
import type { CollectedTest } from './suite-api.ts'
import { World } from './world.ts'

export interface ModePlanning {
  readonly inputs: RunInputs
  /** With what is assumed of VMs that are not provisioned. */
  readonly config: BenchConfig
  readonly unprovisioned: ReadonlySet<string>
  readonly mode: RunMode
  readonly tests: readonly CollectedTest[]
  readonly assumed: Assumed
  readonly guests: GuestAssumptions
  readonly built?: BuiltImage | undefined
  /** The environment's own, which is not written to. */
  readonly journal: Journal
  readonly onTrouble: (error: DpbenchError) => void
}

export async function planMode(planning: ModePlanning): Promise<PlannedMode> {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-plan-'))
  try {
    return await planned(planning, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function planned(planning: ModePlanning, folder: string): Promise<PlannedMode> {
  const { mode, assumed, guests, built, unprovisioned, onTrouble } = planning
  const profile = planning.config.measurement
  const config = { ...planning.config, measurement: oneRepetition(profile) }
  const world = new World(config, mode, { assumed, guests })
  if (built) world.built.set(built.id, built.reference)
  const recorder = new PlanRecorder(assumed, secretsIn(config))
  const observe = observing(recorder, profile.repetitions)
  const run = contextOf(planning, config, folder)
  const environment = emptyPart()
  const tests: PlannedTest[] = []
  const instead = recordingInstead({ world, recorder, onTrouble, unprovisioned })
  let refused: string | undefined
  try {
    const journal = new MemoryJournal(planning.journal, (entry) => recorder.recorded(entry))
    const log = (): void => undefined
    const keepLog = async (): Promise<void> => undefined
    const options = { ...run, folder, log, keepLog, observe, journal, instead }
    const opened = await recorder.during(environment, () => Environment.open(options))
    for (const test of planning.tests)
      tests.push(await planTest(test, { environment: opened, run, profile, world, recorder, observe }))
    await recorder.during(environment, () => opened[Symbol.asyncDispose](), true)
  } catch (error) {
    if (!(error instanceof DpbenchError)) throw error
    refused = recorder.shown(describeError(error))
    onTrouble(error)
  }
  const all = tests.flatMap(({ measurements }) => measurements)
  const sum = (end: 'min' | 'max'): number => all.reduce((total, { seconds }) => total + seconds[end], 0)
  return { mode, environment, refused, tests, seconds: { min: sum('min'), max: sum('max') } }
}

/** With the repetitions that a run has. */
function observing({ observe }: PlanRecorder, { min, max }: { readonly min: number; readonly max: number }): Observe {
  return (begun) =>
    observe({ ...begun, name: begun.name.replace(/^repetition 1 of 1 to 1:/, `repetition 1 of ${min} to ${max}:`) })
}

function contextOf({ inputs, mode, built, assumed }: ModePlanning, config: BenchConfig, folder: string): RunContext {
  const { settings, image } = inputs
  return {
    runId: assumed.token('run id'),
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
    wayIn: [],
    measureOnly: settings.measureOnly,
    waitForLease: settings.waitForLease,
  }
}
