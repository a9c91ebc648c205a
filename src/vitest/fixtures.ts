/** `test`, as suites import it: machines, the data plane and traffic of the environment that the config describes. */
import { inject, test as base } from 'vitest'
import type { DeployedDataplane } from '../dataplane/dataplane.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import { named } from '../environment/named.ts'
import { artifactStore, suiteName } from './artifacts.ts'
import { type TestTraffic, balancedBy } from './balanced.ts'
import { putMachinesBack, useMachines } from './machines-in-use.ts'
import { tell } from './messages.ts'
import { unmetNeed } from './needs.ts'
import { balancerThrough, natThrough } from './network-functions.ts'
import type { BalancedPath, NatPath } from './placement.ts'
import { type Placement, placementIn } from './placement-choice.ts'
import { BaselineWatch } from './regression.ts'
import type { DpbenchTaskMeta, MeasurementReport } from './run-context.ts'
import { Session } from './session.ts'
import type { MeasureContext } from './throughput.ts'
import type { Through } from './through.ts'
import { trafficOf } from './traffic.ts'
import { beginWatching, refuseKernelTrouble } from './watching.ts'

/** The data plane in one test: what the test creates is undone after it, whether it passes or not. */
export interface TestDataplane {
  /** Lets two VMs reach each other, both ways. @throws DeployError */
  route(a: VirtualMachine, b: VirtualMachine): Promise<void>
  /** Puts the path's sender behind its NAT, with the routes through it. @throws DeployError */
  nat(path: NatPath): Promise<Through>
  /** Makes the path's load balancer, with its backends and the routes through it. @throws DeployError */
  loadBalancer(path: BalancedPath): Promise<Through>
  /** What runs, for whatever has no fixture. */
  readonly deployed: DeployedDataplane
}

/** One per worker: with `isolate: false` all files of a mode share it. */
// oxlint-disable-next-line no-empty-pattern -- Vitest wants its fixtures' first parameter destructured
const withSession = base.extend('session', { scope: 'worker' }, ({}, { onCleanup }) => {
  const session = new Session(inject('dpbench'))
  onCleanup(() => session[Symbol.asyncDispose]())
  return session
})

export const test = withSession
  .extend('environment', async ({ session, signal, task }, { onCleanup }) => {
    const environment = await session.open(signal)
    session.steps.during({ suite: suiteName(task.file.filepath), name: task.name })
    useMachines(environment, signal)
    await beginWatching(environment)
    onCleanup(async () => {
      try {
        await refuseKernelTrouble(environment).finally(() => putMachinesBack(environment))
      } finally {
        session.steps.during(undefined)
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
  .extend('dataplane', async ({ environment }, { onCleanup }): Promise<TestDataplane> => {
    const undo = new DisposalStack()
    onCleanup(async () => {
      try {
        await putMachinesBack(environment) // first: some of what is undone is in the guests
      } finally {
        await undo[Symbol.asyncDispose]()
      }
    })
    return {
      deployed: environment.dataplane,
      async route(a, b) {
        undo.defer(await environment.dataplane.route(a, b))
      },
      nat: (path) => natThrough(environment, undo, path),
      loadBalancer: (path) => balancerThrough(environment, undo, path),
    }
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
