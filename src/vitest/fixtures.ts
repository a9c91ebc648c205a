/** `test`, as suites import it: machines, the data plane and traffic of the environment that the config describes. */
import { inject, test as base } from 'vitest'
import { DisposalStack } from '../core/disposal-stack.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import { named } from '../environment/named.ts'
import type { Environment } from '../environment/environment.ts'
import { artifactStore } from './artifacts.ts'
import { type TestTraffic, balancedBy } from './balanced.ts'
import { breakAt } from './breakpoint.ts'
import { type MakeChange, changesIn } from './machine-changes.ts'
import { putMachinesBack, useMachines } from './machines-in-use.ts'
import { tell } from './messages.ts'
import { unmetNeed } from './needs.ts'
import { type TestDataplane, dataplaneIn } from './test-dataplane.ts'
import { type Placement, placementIn } from './placement-choice.ts'
import {
  type Holds,
  type PollingCondition,
  type PollingOptions,
  pollingCondition,
} from './polling-condition.ts'
import { recordFailure } from './record-failure.ts'
import { BaselineWatch } from './regression.ts'
import type { DpbenchTaskMeta, MeasurementReport } from './run-context.ts'
import { Session } from './session.ts'
import { suiteName } from './suite-name.ts'
import type { MeasureContext } from './throughput.ts'
import { type Part, type TestLog, testParts } from './test-steps.ts'
import { trafficOf } from './traffic.ts'
import { beginWatching, refuseKernelTrouble } from './watching.ts'
import { workerState } from './worker-state.ts'

/**
 * Polls `holds` until it is disposed of (`await using`) or the test ends. When it is broken the test ends at once, whatever
 * it waits for, with the condition's name.
 */
export type PollCondition = (name: string, holds: Holds, options?: PollingOptions) => PollingCondition

/** One per worker: with `isolate: false` all files of a mode share it, and whatever they make of `test` by `extend`. */
// oxlint-disable-next-line no-empty-pattern -- Vitest wants its fixtures' first parameter destructured
const withSession = base.extend('session', { scope: 'worker' }, ({}, { onCleanup }) => {
  const session = (workerState().session ??= new Session(inject('dpbench')))
  onCleanup(() => session[Symbol.asyncDispose]())
  return session
})

export const test = withSession
  .extend('environment', async ({ session, signal, skip, task }, { onCleanup }) => {
    if (session.kept !== undefined) skip(`the machines stay as "${session.kept}" left them`)
    const environment = await session.open(signal)
    session.steps.during({ suite: suiteName(task.file.filepath), name: task.name })
    useMachines(environment, signal)
    await beginWatching(environment)
    onCleanup(async () => {
      try {
        await refuseKernelTrouble(environment)
      } catch (error) {
        await recordFailure(task, signal, error)
        throw error
      } finally {
        try {
          if (session.kept === undefined) await putMachinesBack(environment)
        } finally {
          session.steps.during(undefined)
        }
      }
    })
    const { mode, machines, dataplane, reboots } = environment
    const meta: DpbenchTaskMeta = {
      mode,
      measurements: [],
      machines,
      dataplane: dataplane.provenance,
      reboots,
    }
    task.meta.dpbench = meta
    return environment
  })
  .extend('vm', ({ environment }) => named(environment.vms, 'VM'))
  .extend('hypervisor', ({ environment }) => named(environment.hypervisors, 'hypervisor'))
  .extend('placement', ({ environment, skip }): Placement =>
    placementIn(environment, unmetNeed(inject('dpbench'), skip), inject('dpbench').measureOnly),
  )
  .extend('dataplane', async ({ environment, session, signal }, { onCleanup }): Promise<TestDataplane> => {
    const undo = new DisposalStack()
    onCleanup(() => takeBack(environment, session, undo))
    return dataplaneIn(environment, undo, signal)
  })
  .extend('change', ({ environment, session, signal }, { onCleanup }): MakeChange => {
    const undo = new DisposalStack()
    onCleanup(() => takeBack(environment, session, undo))
    return changesIn(environment, undo, signal)
  })
  .extend('parts', ({ session, signal, task }) => {
    session.steps.during({ suite: suiteName(task.file.filepath), name: task.name })
    return testParts({
      observe: session.steps.observe,
      say: (text) => tell({ type: 'log', text }),
      signal,
    })
  })
  .extend('subtest', ({ parts }): Part => parts.subtest)
  .extend('log', ({ parts }): TestLog => parts.log)
  .extend('pollingCondition', ({ signal, task }, { onCleanup }): PollCondition => {
    const made = new DisposalStack()
    onCleanup(() => made[Symbol.asyncDispose]())
    const end = (reason: Error): void => workerState().endings.get(task)?.abort(reason)
    return (name, holds, options = {}) => made.use(pollingCondition(name, holds, options, { signal, end }))
  })
  .extend('breakpoint', ({ signal, task }): ((why?: string) => Promise<void>) => (why) => {
    const ownLimitMs = task.timeout || undefined
    const stop = breakAt({ run: inject('dpbench'), test: task.name, ownLimitMs, signal }, why)
    const over = stop.catch(() => undefined) // told to the test
    workerState().stops.set(task, over)
    return stop
  })
  .extend('traffic', ({ environment, session, signal, skip, task }): TestTraffic => {
    const run = inject('dpbench')
    const store = artifactStore(run, task)
    const { measurements } = task.meta.dpbench!
    const baselines = new BaselineWatch(run, environment, {
      suite: suiteName(task.file.filepath),
      test: task.name,
    })
    let begun = 0
    const next = (): MeasureContext => {
      const place = begun++
      const prefix = place === 0 ? '' : `measurement-${place + 1}-`
      return {
        run,
        environment,
        signal,
        record: (report: MeasurementReport) => void (measurements[place] = report),
        store: (name, content) => store(prefix + name, content),
        baselines,
        observe: session.steps.observe,
        progress: (text) => tell({ type: 'repetition', test: task.name, text }),
      }
    }
    return { ...trafficOf(environment, next), balanced: balancedBy(next, unmetNeed(run, skip)) }
  })

export type { Hypervisor, VirtualMachine }

/** A test that failed under `--keep-on-failure` is left as it is; its undo is in the journal. */
async function takeBack(environment: Environment, session: Session, undo: DisposalStack): Promise<void> {
  if (session.kept !== undefined) return
  try {
    await putMachinesBack(environment) // first: some of what is undone is in the guests
  } finally {
    await undo[Symbol.asyncDispose]()
  }
}
