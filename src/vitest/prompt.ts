/** The fixtures of a test for somebody at a prompt (`dpbench repl`): of machines as they are, without a run, and put back at the end. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchConfig, RunMode } from '../config/index.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { ConfigError, MeasurementError, UsageError } from '../core/errors.ts'
import { together } from '../core/together.ts'
import type { DeployedDataplane, UndoLog } from '../dataplane/dataplane.ts'
import { makeChange } from '../environment/changes.ts'
import type { Environment } from '../environment/environment.ts'
import { addLoopbackAddress } from '../environment/guest-address.ts'
import { named } from '../environment/named.ts'
import { trafficNic } from '../environment/plain-guests.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { balancedBy } from './balanced.ts'
import type { PollCondition } from './fixtures.ts'
import { changesIn } from './machine-changes.ts'
import { placementIn } from './placement-choice.ts'
import { pollingCondition } from './polling-condition.ts'
import type { RunContext } from './run-context.ts'
import { dataplaneIn } from './test-dataplane.ts'
import { testParts } from './test-steps.ts'
import type { MeasureContext } from './throughput.ts'
import { trafficOf } from './traffic.ts'

export interface PromptOptions {
  readonly config: BenchConfig
  /** The machines, and what carries their traffic. */
  readonly bench: {
    readonly hypervisors: ReadonlyMap<string, Hypervisor>
    readonly vms: ReadonlyMap<string, VirtualMachine>
    readonly mode: RunMode
    readonly dataplane: DeployedDataplane
    /** Why nothing can be measured; `undefined` where it can. */
    readonly lacks: string | undefined
    readonly undoLog: UndoLog
    /** What is asked of the machines from now on ends with `signal`. */
    use(signal: AbortSignal): void
  }
  readonly runId: string
  /** Takes the raw outputs of measurements; made with the first of them. */
  readonly resultsFolder: string
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

export interface Prompt extends AsyncDisposable {
  /** By the names that tests have them under. */
  readonly fixtures: Readonly<Record<string, unknown>>
  /** Ends what is being waited for, with that reason; what is asked after it is begun anew. */
  interrupt(reason: Error): void
}

/** Nothing is done yet. Closing it ends what is being waited for, and takes back what was made. */
export function openPrompt(options: PromptOptions): Prompt {
  const { config, bench, say } = options
  let waiting = new AbortController()
  const signal = (): AbortSignal => AbortSignal.any([options.signal, waiting.signal])
  const interrupt = (reason: Error): void => {
    const ended = waiting
    waiting = new AbortController()
    bench.use(signal())
    ended.abort(reason)
  }
  bench.use(signal())
  const undo = new DisposalStack()
  const environment = environmentOf(options)
  const unmet = (reason: string): never => {
    throw new ConfigError(reason)
  }
  const next = measurements(options, environment, signal)
  const observe = (): (() => void) => () => undefined
  const { subtest, log } = testParts({ observe, say })
  const fixtures = {
    vm: named(bench.vms, 'VM'),
    hypervisor: named(bench.hypervisors, 'hypervisor'),
    config,
    placement: placementIn(environment, unmet, true),
    traffic: { ...trafficOf(environment, next), balanced: balancedBy(next, unmet) },
    dataplane: dataplaneIn(environment, undo, options.signal),
    change: changesIn(environment, undo, options.signal),
    subtest,
    log,
    pollingCondition: ((name, holds, polling = {}) => {
      const end = (reason: Error): void => {
        say(reason.message)
        interrupt(reason)
      }
      return undo.use(pollingCondition(name, holds, polling, { signal: signal(), end }))
    }) satisfies PollCondition,
  }
  return {
    fixtures,
    interrupt,
    async [Symbol.asyncDispose]() {
      waiting.abort(new Error('the prompt is left'))
      await undo[Symbol.asyncDispose]()
    },
  }
}

/** Of the machines as they are: where a VM's traffic goes is looked up each time. */
function environmentOf({ config, bench }: PromptOptions): Environment {
  const { mode, hypervisors, vms, dataplane, lacks, undoLog } = bench
  const guests: Environment['guests'] = new Map()
  const environment: Pick<Environment, keyof Environment> = {
    config,
    mode,
    hypervisors,
    vms,
    guests,
    dataplane,
    machines: [],
    reboots: [],
    lastingChanges: new Map(),
    requireLeases: () => undefined,
    addLoopbackAddress: (vm, address) => addLoopbackAddress(undoLog, vm, address),
    change: (machine, change) => makeChange(undoLog, machine, change),
    async locate(asked, family) {
      if (lacks !== undefined) throw new MeasurementError(lacks)
      await together(asked.map(async (vm) => guests.set(vm.name, await trafficNic(vm, family))))
    },
    keep: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
  return environment as Environment // which is a class: all that it has for others is there
}

/** @returns the context of the next measurement; it throws where nothing can be measured */
function measurements(
  { config, bench, runId, resultsFolder, say }: PromptOptions,
  environment: Environment,
  signal: () => AbortSignal,
): () => MeasureContext {
  const run = runOf({ config, runId, resultsFolder, mode: bench.mode })
  let begun = 0
  return () => {
    if (bench.lacks !== undefined) throw new MeasurementError(bench.lacks)
    const number = ++begun
    return {
      run,
      environment,
      signal: signal(),
      record: () => undefined,
      async store(name, content) {
        const file = join(resultsFolder, `measurement-${number}-${name}`)
        await mkdir(resultsFolder, { recursive: true })
        await writeFile(file, content)
        return file
      },
      baselines: {
        settle: async () => undefined,
        async against() {
          throw new UsageError('baselines are of runs: `npx dpbench run --baseline NAME` compares with one')
        },
      },
      observe: () => () => undefined,
      progress: say,
    }
  }
}

/** Measures the fewest repetitions, and holds nothing against a threshold that nobody names. */
function runOf(known: Pick<RunContext, 'config' | 'runId' | 'resultsFolder' | 'mode'>): RunContext {
  return {
    ...known,
    reboot: false,
    stateFolder: '',
    verdictRule: 'interval',
    verbose: false,
    live: false,
    strict: false,
    keepOnFailure: false,
    breakOnFailure: false,
    interactive: false,
    files: 0,
    wayIn: [],
    measureOnly: true,
    waitForLease: 0,
  }
}
