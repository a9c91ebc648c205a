/** One test of a plan: its own function with the fixtures of a run, on machines that write down what they are told. */
import type { MeasurementProfile } from '../config/index.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { UsageError, describeError } from '../core/errors.ts'
import type { Observe } from '../core/steps.ts'
import type { Environment } from '../environment/environment.ts'
import { named } from '../environment/named.ts'
import { balancedBy } from '../vitest/balanced.ts'
import { changesIn } from '../vitest/machine-changes.ts'
import { putMachinesBack, useMachines } from '../vitest/machines-in-use.ts'
import { unmetNeed } from '../vitest/needs.ts'
import { placementIn } from '../vitest/placement-choice.ts'
import type { RunContext } from '../vitest/run-context.ts'
import { suiteName } from '../vitest/suite-name.ts'
import { dataplaneIn } from '../vitest/test-dataplane.ts'
import { testParts } from '../vitest/test-steps.ts'
import { trafficOf } from '../vitest/traffic.ts'
import { beginWatching, refuseKernelTrouble } from '../vitest/watching.ts'
import { PlannedMeasurements } from './measurements.ts'
import { patience } from './patience.ts'
import type { PlannedTest } from './plan-schema.ts'
import { type PlanRecorder, emptyPart } from './recorder.ts'
import { type CollectedTest, expectations } from './suite-api.ts'
import type { World } from './world.ts'

export interface TestPlanning {
  readonly environment: Environment
  /** Whose profile has one repetition. */
  readonly run: RunContext
  /** As the run has it. */
  readonly profile: MeasurementProfile
  readonly world: World
  readonly recorder: PlanRecorder
  readonly observe: Observe
}

/** For a test that measures much: a repetition takes some ten milliseconds. */
const testSeconds = 10

class Skipped extends Error {}

export async function planTest(test: CollectedTest, planning: TestPlanning): Promise<PlannedTest> {
  const { environment, recorder } = planning
  const measurements = new PlannedMeasurements(planning)
  const part = emptyPart()
  const undo = new DisposalStack()
  using limit = patience(testSeconds)
  let skipped: string | undefined
  let ends: string | undefined
  expectations.current = measurements
  try {
    await recorder.during(part, async () => {
      await beginWatching(environment)
      const fixtures = fixturesOf(test, planning, { measurements, undo, signal: limit.signal })
      await test.body((await contextFor(test.body, fixtures)) as never)
      measurements.close()
    })
  } catch (error) {
    measurements.close()
    if (error instanceof Skipped) skipped = recorder.shown(error.message)
    else ends = recorder.shown(describeError(error))
  }
  expectations.current = undefined
  await recorder.during(
    part,
    async () => {
      await putMachinesBack(environment)
      await undo[Symbol.asyncDispose]()
      await refuseKernelTrouble(environment)
    },
    true,
  )
  const { list } = measurements
  return { ...part, suite: suiteName(test.file), name: test.name, measurements: list, skipped, ends }
}

interface OneTest {
  readonly measurements: PlannedMeasurements
  readonly undo: DisposalStack
  readonly signal: AbortSignal
}

/** By name; made when they are asked for, once. */
type Fixtures = ReadonlyMap<string, () => unknown>

function fixturesOf(
  test: CollectedTest,
  planning: TestPlanning,
  { measurements, undo, signal }: OneTest,
): Fixtures {
  const { environment, run, observe } = planning
  const skip = (reason?: string): never => {
    throw new Skipped(reason ?? 'it says so itself')
  }
  useMachines(environment, signal)
  const unmet = unmetNeed(run, skip as never)
  const parts = testParts({ observe, say: () => undefined, signal })
  const next = (): ReturnType<PlannedMeasurements['next']> => measurements.next(signal)
  const own: Record<string, () => unknown> = {
    environment: () => environment,
    signal: () => signal,
    skip: () => skip,
    task: () => ({ name: test.name }),
    vm: () => named(environment.vms, 'VM'),
    hypervisor: () => named(environment.hypervisors, 'hypervisor'),
    placement: () => placementIn(environment, unmet, run.measureOnly),
    dataplane: () => dataplaneIn(environment, undo, signal),
    change: () => changesIn(environment, undo, signal),
    subtest: () => parts.subtest,
    log: () => parts.log,
    breakpoint: () => async () => undefined,
    traffic: () => measurements.known({ ...trafficOf(environment, next), balanced: balancedBy(next, unmet) }),
  }
  const made = new Map<string, unknown>()
  const all = new Map<string, () => unknown>()
  const memo = (name: string, make: () => unknown): void =>
    void all.set(name, () => {
      if (!made.has(name)) made.set(name, make())
      return made.get(name)
    })
  for (const [name, make] of Object.entries(own)) memo(name, make)
  for (const [name, fixture] of test.fixtures)
    memo(name, async () =>
      fixture((await contextFor(fixture, all)) as never, {
        onCleanup: (back) => void undo.defer(async () => void (await back())),
      }),
    )
  return all
}

/** What a function takes apart of its first parameter, as Vitest finds it. @throws UsageError for what a plan has none of */
async function contextFor(body: { toString(): string }, fixtures: Fixtures): Promise<object> {
  const [, inside] = /^(?:async\s*)?(?:function\s*\w*\s*)?\(?\s*\{([^}]*)\}/.exec(body.toString()) ?? []
  const names = (inside ?? '')
    .split(',')
    .map((each) => each.split(/[:=]/)[0]!.trim())
    .filter(Boolean)
  const context: Record<string, unknown> = {}
  for (const name of names) {
    const make = fixtures.get(name)
    if (!make) throw new UsageError(`it asks for the fixture ${name}, which a plan does not have`)
    context[name] = await make()
  }
  return context
}
