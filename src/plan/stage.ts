/** What all modes of a plan have in common: machines that remember what they were told, the journal, and who writes down. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchConfig, type MeasurementProfile, environmentFolder } from '../config/index.ts'
import type { DpbenchError } from '../core/errors.ts'
import { openJournal } from '../core/journal.ts'
import { journalFile } from '../environment/environment.ts'
import { secretsIn } from '../report/secrets.ts'
import type { Instead } from '../transport/instead.ts'
import { Assumed, type GuestAssumptions } from './assumed.ts'
import { recordingInstead } from './instead.ts'
import { oneRepetition } from './measurements.ts'
import { MemoryJournal } from './memory-journal.ts'
import { PlanRecorder } from './recorder.ts'
import { World } from './world.ts'

export interface Stage extends AsyncDisposable {
  /** With one repetition, and what is assumed of VMs that are not provisioned. */
  readonly config: BenchConfig
  /** As the run has it. */
  readonly profile: MeasurementProfile
  readonly assumed: Assumed
  readonly world: World
  readonly recorder: PlanRecorder
  readonly instead: Instead
  readonly journal: MemoryJournal
  readonly runId: string
  /** For files that the code makes on the controller; gone with the stage. */
  readonly folder: string
  /** What a run would end with before it reaches a host. */
  readonly troubles: readonly DpbenchError[]
  readonly onTrouble: (error: DpbenchError) => void
}

export async function setStage(given: BenchConfig, guests: GuestAssumptions): Promise<Stage> {
  const assumed = new Assumed()
  const { config: provisioned, unprovisioned } = assumeProvisioned(given, assumed)
  const profile = given.measurement
  const config = { ...provisioned, measurement: oneRepetition(profile) }
  const world = new World(config, { assumed, guests })
  const recorder = new PlanRecorder({ assumed, secrets: secretsIn(config), repetitions: profile.repetitions })
  const troubles = new Map<string, DpbenchError>()
  const onTrouble = (error: DpbenchError): void => void troubles.set(error.message, error)
  const own = await openJournal(journalFile(environmentFolder(process.cwd(), config.name)))
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-plan-'))
  assumed.stands(folder, environmentFolder(process.cwd(), config.name))
  return {
    config,
    profile,
    assumed,
    world,
    recorder,
    instead: recordingInstead({ world, recorder, onTrouble, unprovisioned }),
    journal: new MemoryJournal(own, (entry) => recorder.recorded(entry)),
    runId: assumed.token('run id'),
    folder,
    get troubles() {
      return [...troubles.values()]
    },
    onTrouble,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
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
      `${[...unprovisioned].join(', ')} ${unprovisioned.size === 1 ? 'is' : 'are'} not provisioned: addresses and host keys are ` +
        'not known yet, and a run ends before they are (`npm run provision -- --disk-template <img>` makes the VMs)',
    )
  return { config: { ...config, hypervisors }, unprovisioned }
}
