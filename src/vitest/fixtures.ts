/** `test`, as suites import it: machines, the data plane and traffic of the environment that the config describes. */
import { inject, test as base } from 'vitest'
import type { DeployedDataplane } from '../dataplane/dataplane.ts'
import { DpbenchError } from '../core/errors.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import { artifactStore } from './artifacts.ts'
import { tell } from './messages.ts'
import { type Path, acrossHypervisors, onOneHypervisor } from './placement.ts'
import type { DpbenchTaskMeta, MeasurementReport } from './run-context.ts'
import { Session } from './session.ts'
import { type Throughput, type ThroughputRequest, measureThroughput } from './throughput.ts'

/** The data plane in one test: what the test creates is undone after it, whether it passes or not. */
export interface TestDataplane {
  /** Lets two VMs reach each other, both ways. @throws DeployError */
  route(a: VirtualMachine, b: VirtualMachine): Promise<void>
  /** What runs, for whatever has no fixture. */
  readonly deployed: DeployedDataplane
}

export interface Traffic {
  /**
   * Measures TCP throughput with iperf3, repeating until a verdict is decided.
   * @throws MeasurementError when the measurement is not valid
   */
  iperf3(request: ThroughputRequest): Promise<Throughput>
}

/** Chooses machines by placement; a test whose placement the config does not have is skipped, with that reason. */
export interface Placement {
  sameHypervisor(): Path
  acrossHypervisors(): Path
}

/** One per worker: with `isolate: false` all files of a mode share it. */
// oxlint-disable-next-line no-empty-pattern -- Vitest wants its fixtures' first parameter destructured
const withSession = base.extend('session', { scope: 'worker' }, ({}, { onCleanup }) => {
  const session = new Session(inject('dpbench'))
  onCleanup(() => session[Symbol.asyncDispose]())
  return session
})

export const test = withSession
  .extend('environment', async ({ session, signal, task }) => {
    const environment = await session.open(signal)
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
  .extend('placement', ({ environment, skip }): Placement => {
    const orSkip = (path: Path | undefined, what: string): Path =>
      path ?? skip(`the config has no ${what} in one VNI`)
    return {
      sameHypervisor: () => orSkip(onOneHypervisor(environment.vms.values()), 'two VMs on one hypervisor'),
      acrossHypervisors: () =>
        orSkip(acrossHypervisors(environment.vms.values()), 'two VMs on different hypervisors'),
    }
  })
  .extend('dataplane', async ({ environment }, { onCleanup }): Promise<TestDataplane> => {
    const undos: (() => Promise<void>)[] = []
    onCleanup(async () => {
      for (const undo of undos.reverse()) await undo()
    })
    return {
      deployed: environment.dataplane,
      async route(a, b) {
        undos.push(await environment.dataplane.route(a, b))
      },
    }
  })
  .extend('traffic', ({ environment, signal, task }): Traffic => {
    const run = inject('dpbench')
    const store = artifactStore(run, task)
    const { measurements } = task.meta.dpbench!
    let begun = 0
    return {
      iperf3(request) {
        const place = begun++
        const prefix = place === 0 ? '' : `measurement-${place + 1}-`
        const record = (report: MeasurementReport): void => void (measurements[place] = report)
        const progress = (text: string): void => tell({ type: 'repetition', test: task.name, text })
        return measureThroughput(
          {
            run,
            environment,
            signal,
            record,
            store: (name, content) => store(prefix + name, content),
            progress,
          },
          request,
        )
      },
    }
  })

export type { Hypervisor, VirtualMachine }

/** What `await`, printing and comparing ask of any object. */
const askedOfAll = new Set(['then', 'toJSON', '$$typeof', 'asymmetricMatch', 'nodeType', 'tagName'])

/** A record by name that says which names there are when it is asked for another. */
function named<T extends object>(
  machines: ReadonlyMap<string, T>,
  kind: string,
): Readonly<Record<string, T>> {
  return new Proxy(Object.fromEntries(machines), {
    get(target, name) {
      if (typeof name !== 'string' || name in target || askedOfAll.has(name))
        return Reflect.get(target, name) as T
      throw new DpbenchError(`the config has no ${kind} ${name}; it has ${[...machines.keys()].join(', ')}`)
    },
  })
}
