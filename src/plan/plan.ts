/**
 * `dpbench plan`: what a run would do, shown by doing it. The run's own code opens the environment, deploys, prepares guests and
 * runs the suites' functions, on hosts and engines that write down what they are told and answer as machines would that have all
 * they need (answers.ts). So a plan cannot say anything else than what runs; what it cannot know it names (assumed.ts).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchConfig, environmentFolder } from '../config/index.ts'
import { ConfigError, type DpbenchError } from '../core/errors.ts'
import { openJournal } from '../core/journal.ts'
import { journalFile } from '../environment/environment.ts'
import { secretsIn } from '../report/secrets.ts'
import { type BuiltImage, buildImage } from '../transport/docker/build.ts'
import { unknownNames } from '../vitest/quarantined-names.ts'
import type { RunInputs } from '../vitest/run-inputs.ts'
import { Assumed, type GuestAssumptions } from './assumed.ts'
import { runLocalProgram } from './local-programs.ts'
import { planMode } from './plan-mode.ts'
import type { Plan, PlannedMode } from './plan-schema.ts'
import { PlanRecorder, emptyPart } from './recorder.ts'
import type { CollectedTest } from './suite-api.ts'
import { World } from './world.ts'

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
  /** What a run would end with before it reaches a host; of it, the first. */
  readonly trouble: DpbenchError | undefined
}

/** @throws ConfigError for what a run would be refused for */
export async function makePlan(options: PlanOptions): Promise<MadePlan> {
  const { inputs, tests, guests } = options
  requireQuarantined(inputs.config, options.allTests)
  const assumed = new Assumed()
  const { config, unprovisioned } = assumeProvisioned(inputs.config, assumed)
  const journal = await openJournal(journalFile(environmentFolder(process.cwd(), config.name)))
  const troubles = new Map<string, DpbenchError>()
  const onTrouble = (error: DpbenchError): void => void troubles.set(error.message, error)
  const before = emptyPart()
  const built = await plannedBuild(inputs, assumed, guests, new PlanRecorder(assumed, secretsIn(config)), before)
  const modes: PlannedMode[] = []
  for (const mode of inputs.settings.modes) {
    const common = { inputs, config, unprovisioned, tests, assumed, guests, built, journal, onTrouble }
    modes.push(await planMode({ ...common, mode }))
  }
  sayAssumptions(assumed, config, guests)
  const sum = (end: 'min' | 'max'): number => modes.reduce((total, { seconds }) => total + seconds[end], 0)
  const { repetitions, ...profile } = config.measurement
  const plan: Plan = {
    schema_version: 1,
    config: { file: config.sourceFile, name: config.name },
    ...(inputs.image !== undefined && { image: inputs.image }),
    profile: { ...profile, repetitions },
    before: before.steps,
    modes,
    assumed: assumed.all,
    notes: [...options.notes, ...[...troubles.keys()].map((text) => `a run would end here: ${text}`)],
    seconds: { min: sum('min'), max: sum('max') },
  }
  return { plan, trouble: [...troubles.values()][0] }
}

function requireQuarantined({ quarantine = [], sourceFile }: BenchConfig, tests: readonly CollectedTest[]): void {
  const asked = quarantine.flatMap(({ test }) => test ?? [])
  if (tests.length === 0 || asked.length === 0) return
  const faults = unknownNames(asked, [...new Set(tests.map(({ name }) => name))])
  if (faults.length > 0) throw new ConfigError(`${sourceFile}: quarantine names what is no test:`, faults)
}

/** VMs that nobody has made yet get tokens in the place of what provisioning finds out. */
function assumeProvisioned(
  config: BenchConfig,
  assumed: Assumed,
): { config: BenchConfig; unprovisioned: ReadonlySet<string> } {
  const unprovisioned = new Set<string>()
  const hypervisors = config.hypervisors.map((hypervisor) => ({
    ...hypervisor,
    vms: hypervisor.vms.map((vm) => {
      if (vm.address === undefined || vm.hostKey === undefined) unprovisioned.add(vm.name)
      return {
        ...vm,
        address: vm.address ?? assumed.token(`address of ${vm.name}`),
        hostKey: vm.hostKey ?? assumed.token(`host key of ${vm.name}`),
        macAddress: vm.macAddress ?? assumed.token(`MAC address of ${vm.name}`),
      }
    }),
  }))
  if (unprovisioned.size > 0)
    assumed.say(
      `${[...unprovisioned].join(', ')} ${unprovisioned.size === 1 ? 'is' : 'are'} not provisioned: addresses and host keys are not ` +
        'known yet (`npm run provision -- --disk-template <img>` makes them), and a run ends before that',
    )
  return { config: { ...config, hypervisors }, unprovisioned }
}

/** With `--stage dev`: what builds the image, done by nobody. */
async function plannedBuild(
  { settings, image, config }: RunInputs,
  assumed: Assumed,
  guests: GuestAssumptions,
  recorder: PlanRecorder,
  part: ReturnType<typeof emptyPart>,
): Promise<BuiltImage | undefined> {
  const { dpserviceSource: source } = settings
  if (source === undefined || image === undefined) return undefined
  const world = new World(config, 'plain', { assumed, guests })
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-plan-'))
  try {
    return await recorder.during(part, () =>
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
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function sayAssumptions(assumed: Assumed, { dataplane, hypervisors }: BenchConfig, guests: GuestAssumptions): void {
  assumed.say('every machine answers, has what a run needs, and nobody else uses it')
  if (dataplane !== 'none') {
    assumed.say('no hypervisor has the image yet: one that is there is asked for all the same, and not sent again')
    assumed.say(`guests are leased by ${guests.dhcpClient} (--dhcp-client), and have a default route over the management NIC`)
    if (guests.mtuBytes === undefined && !hypervisors.some(({ dpservice }) => /--dhcp-mtu/.test(dpservice.arguments.join(' '))))
      assumed.say("data NICs have an MTU of 1500 bytes, dpservice's default")
    assumed.say('underlay addresses are dpservice’s to give, and the data NICs’ names the guests’')
  }
  assumed.say('the first request for a lease, and the first look at a server, is enough; otherwise it is asked again')
  assumed.say('no VM is a libvirt domain with a console: where one is, its console is read too')
  assumed.say('UDP loses nothing: udpLimit then needs no trials, at most 10 of 3 s each otherwise')
}
