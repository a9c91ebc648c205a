/**
 * What carries the traffic of an environment that nobody runs a suite in: the data plane that `--keep-on-failure` has left,
 * taken over; nothing of ours where the config has no data plane; otherwise nothing, and why.
 */
import type { BenchConfig, RunMode } from '../config/index.ts'
import { DeployError } from '../core/errors.ts'
import type { Journal } from '../core/journal.ts'
import type { DeployedDataplane, UndoLog } from '../dataplane/dataplane.ts'
import { adoptDpservice } from '../dataplane/dpservice/adopt.ts'
import { noDataplane, refusingDataplane } from '../dataplane/none.ts'
import { planPreparations } from './guest-plans.ts'
import type { PlannedPreparation } from '../machine/guest-preparation.ts'
import { serveMachines } from './machine-services.ts'
import { type ConnectedMachines, deploymentsIn } from './traffic-side.ts'

export interface KeptSide {
  readonly mode: RunMode
  readonly dataplane: DeployedDataplane
  /** The run that has left it, if one has. */
  readonly keptBy: string | undefined
  /** Why nothing can be measured; `undefined` where it can. */
  readonly lacks: string | undefined
}

export interface KeptOptions {
  readonly config: BenchConfig
  readonly journal: Journal
  readonly signal: AbortSignal
  /** Of a run's own. */
  readonly undoLogOf: (runId: string) => UndoLog
  readonly runId: string
}

type Connected = Pick<ConnectedMachines, 'hypervisors' | 'vms'>

/** What is found also serves the VMs: one that is booted is made ready for the data plane again. @throws ConnectionError */
export async function keptSide(options: KeptOptions, connected: Connected): Promise<KeptSide> {
  const { config, journal, signal, undoLogOf, runId } = options
  const own = undoLogOf(runId)
  const serve = (): void => serveMachines(connected.vms, { config, signal, runId }, own)
  if (config.dataplane === 'none') {
    serve()
    return {
      mode: 'plain',
      dataplane: noDataplane(config.sourceFile),
      keptBy: undefined,
      lacks: undefined,
    }
  }
  const kept = journal.pending('run').findLast(({ undo }) => undo.kind === 'container')?.runId
  try {
    if (kept === undefined) throw new DeployError('no run has left one')
    const dataplane = await adoptDpservice(deploymentsIn(config, connected), { runId: kept, undoLog: own })
    const planned = await asPrepared(options, connected, kept)
    // a fresh boot is made ready as a part of what the run has left
    serveMachines(connected.vms, { config, signal, runId: kept }, own, planned, undoLogOf(kept))
    return { mode: dataplane.mode, dataplane, keptBy: kept, lacks: undefined }
  } catch (error) {
    const faults = error instanceof AggregateError ? (error.errors as unknown[]) : [error]
    if (!faults.every((fault) => fault instanceof DeployError)) throw error
    serve()
    const lacks =
      `no data plane is deployed (${faults.map(({ message }) => message).join('; ')}): \`npx dpbench run --mode offload --keep-on-failure\` leaves one, ` +
      'with its routes, when a test fails'
    return { mode: 'plain', dataplane: lacking(lacks), keptBy: undefined, lacks }
  }
}

function lacking(why: string): DeployedDataplane {
  const refusing = refusingDataplane((what) => new DeployError(`${what}: ${why}`))
  return { ...refusing, natCapacity: ([min, max]) => max - min }
}

/** As the run made them ready, which is in the journal as its. */
function asPrepared(
  { config, signal }: KeptOptions,
  { vms }: Connected,
  runId: string,
): Promise<Map<string, PlannedPreparation>> {
  return planPreparations({ config, signal, runId }, vms, {
    record: async () => ({ done: async () => undefined }),
  })
}
