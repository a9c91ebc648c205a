/**
 * `dpbench plan`: what a run would do, shown by doing it. The run's own code opens the environment, deploys, prepares guests and
 * runs the suites' functions, on hosts and engines that write down what they are told and answer as machines would that have all
 * they need (answers.ts). So a plan cannot say anything else than what runs; what it cannot know it names (assumed.ts).
 */
import { join } from 'node:path'
import type { BenchConfig } from '../config/index.ts'
import { ConfigError, type DpbenchError } from '../core/errors.ts'
import { undoRuns } from '../environment/run-undo.ts'
import { type BuiltImage, buildImage } from '../transport/docker/build.ts'
import { unknownNames } from '../vitest/quarantined-names.ts'
import type { RunInputs } from '../vitest/run-inputs.ts'
import type { Assumed, GuestAssumptions } from './assumed.ts'
import { runLocalProgram } from './local-programs.ts'
import { planMode } from './plan-mode.ts'
import type { Plan, PlannedMode, PlannedPart } from './plan-schema.ts'
import { emptyPart } from './recorder.ts'
import { type Stage, setStage } from './stage.ts'
import type { CollectedTest } from './suite-api.ts'

export interface PlanOptions {
  readonly inputs: RunInputs
  /** Those that would run, in their order. */
  readonly tests: readonly CollectedTest[]
  /** Those that the suites have. */
  readonly allTests: readonly CollectedTest[]
  readonly guests: GuestAssumptions
  readonly notes: readonly string[]
}

export interface MadePlan {
  readonly plan: Plan
  /** The first of what a run would end with before it reaches a host. */
  readonly trouble: DpbenchError | undefined
}

/** @throws ConfigError for what a run would be refused for */
export async function makePlan({ inputs, tests, allTests, guests, notes }: PlanOptions): Promise<MadePlan> {
  requireQuarantined(inputs.config, allTests)
  await using stage = await setStage(inputs.config, guests)
  const { config, assumed, troubles } = stage
  const before = emptyPart()
  const built = await plannedBuild(stage, inputs, before)
  const modes: PlannedMode[] = []
  for (const mode of inputs.settings.modes) modes.push(await planMode(stage, { inputs, mode, tests, built }))
  const after = await takenBackAfter(stage)
  sayAssumptions(assumed, config, guests)
  const sum = (end: 'min' | 'max'): number => modes.reduce((total, { seconds }) => total + seconds[end], 0)
  const plan: Plan = {
    schema_version: 1,
    config: { file: config.sourceFile, name: config.name },
    ...(inputs.image !== undefined && { image: inputs.image }),
    profile: stage.profile,
    rule: inputs.settings.verdictRule,
    before: before.steps,
    modes,
    after: after.takenBack,
    assumed: assumed.all,
    notes: [
      ...notes,
      ...stage.troubles.map(({ message }) => `a run would end here: ${assumed.show(message)}`),
    ],
    seconds: { min: sum('min'), max: sum('max') },
  }
  return { plan, trouble: troubles[0] ?? stage.troubles[0] }
}

function requireQuarantined(
  { quarantine = [], sourceFile }: BenchConfig,
  tests: readonly CollectedTest[],
): void {
  const asked = quarantine.flatMap(({ test }) => test ?? [])
  if (tests.length === 0 || asked.length === 0) return
  const faults = unknownNames(asked, [...new Set(tests.map(({ name }) => name))])
  if (faults.length > 0) throw new ConfigError(`${sourceFile}: quarantine names what is no test:`, faults)
}

/** With `--stage dev`: what builds the image, done by nobody. */
async function plannedBuild(
  { recorder, world, folder }: Stage,
  { settings, image, config }: RunInputs,
  part: PlannedPart,
): Promise<BuiltImage | undefined> {
  const { dpserviceSource: source } = settings
  if (source === undefined || image === undefined) return undefined
  return recorder.during(part, () =>
    buildImage({
      source,
      reference: image,
      dockerHost: config.dockerHost,
      logFile: join(folder, 'build.log'),
      onLine: () => undefined,
      observe: recorder.observe,
      instead: (argv) => runLocalProgram(world, argv),
    }),
  )
}

/** Images that were pulled for the run go when all modes are done. */
async function takenBackAfter({ journal, recorder, instead, runId }: Stage): Promise<PlannedPart> {
  const part = emptyPart()
  const { observe } = recorder
  const own = journal.pending('run').filter((entry) => entry.runId === runId && entry.undo.kind === 'image')
  const undo = (): Promise<unknown> => undoRuns(journal, own, { log: () => undefined, observe, instead })
  if (own.length > 0) await recorder.during(part, undo, true)
  return part
}

function sayAssumptions(
  assumed: Assumed,
  { dataplane, hypervisors }: BenchConfig,
  { dhcpClient, mtuBytes }: GuestAssumptions,
): void {
  const all = hypervisors.flatMap(({ dpservice }) => dpservice.arguments).join(' ')
  assumed.say('every machine answers, has what a run needs, and nobody else uses it')
  if (dataplane !== 'none') {
    assumed.say('no hypervisor has the image yet')
    assumed.say(
      `guests are leased by ${dhcpClient} (--dhcp-client), with a default route over the management NIC`,
    )
    assumed.say("underlay addresses are dpservice's to give, and the names of the NICs the guests'")
    if (mtuBytes === undefined && !all.includes('--dhcp-mtu'))
      assumed.say("data NICs have an MTU of 1500 bytes, as dpservice's DHCP gives them by default")
  }
  assumed.say('what is waited for is there at the first look; a run looks again until it is')
  assumed.say('no VM has a serial console in a file; a run reads those that there are')
  assumed.say(
    'UDP loses nothing: a search for the highest rate then has no trials, at most 10 of 3 s each otherwise',
  )
}
