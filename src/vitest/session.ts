/** The environment of a worker: opened by the first test that needs it, closed after the last test file of the mode. */
import { Environment } from '../environment/environment.ts'
import type { ReachedMachines } from '../environment/flight/gather.ts'
import { type Failure, recordFlight } from './flight.ts'
import { logKeeper } from './log-keeper.ts'
import { rememberEnvironment, rememberSecret } from '../core/known-secrets.ts'
import { writeLeaks } from '../report/leak-log.ts'
import { secretsIn } from '../report/secrets.ts'
import { stepLog } from '../report/step-log.ts'
import { StepRecorder } from '../report/step-recorder.ts'
import { tell } from './messages.ts'
import type { RunContext } from './run-context.ts'
import { workerState } from './worker-state.ts'

export interface TestPlace {
  readonly suite: string
  readonly name: string
}

/** The key of a failure that is no test's: only the first of them is recorded. */
const outsideOfTests = ''

export class Session implements AsyncDisposable {
  /** The timeline of this mode. */
  readonly steps: StepRecorder
  private readonly run: RunContext
  private opening: Promise<Environment> | undefined
  private environment: Environment | undefined
  private closing: Promise<void> | undefined
  private keptFor: TestPlace | undefined
  /** By test, or none: the folder of its flight recording. */
  private readonly flights = new Map<string, Promise<string | undefined>>()

  constructor(run: RunContext) {
    this.run = run
    const { mode, config, resultsFolder, live } = run
    rememberEnvironment(process.env)
    secretsIn(config).forEach(rememberSecret)
    this.steps = new StepRecorder({
      mode,
      secrets: secretsIn(config),
      write: stepLog(resultsFolder, mode, (text) => tell({ type: 'log', text })),
      ...(live && { onPhase: (phase) => tell({ type: 'live', event: { kind: 'phase', ...phase } }) }),
    })
  }

  /**
   * The open environment. A failure is kept: the tests that follow fail with it at once, and nothing is tried again.
   * @throws DpbenchError
   */
  async open(signal: AbortSignal): Promise<Environment> {
    const { stateFolder: folder } = this.run
    const log = (text: string): void => tell({ type: 'log', text })
    const keepLog = logKeeper(this.run.resultsFolder, this.run.config, log)
    const { observe } = this.steps
    const { mode, resultsFolder } = this.run
    const onTrouble = async (occasion: string, error: unknown, reached: ReachedMachines): Promise<void> =>
      void (await this.recordOnce({ occasion, error, interrupted: signal.aborted }, reached))
    const onLeaks = async (leaks: readonly string[]): Promise<void> => {
      if (leaks.length === 0) return
      writeLeaks(resultsFolder, { mode, leaks: [...leaks] })
      const error = `leaked: ${leaks.join('; ')}`
      if (this.environment)
        await onTrouble('something was left on the machines', error, leased(this.environment))
    }
    this.opening ??= Environment.open({
      ...this.run,
      folder,
      signal,
      log,
      keepLog,
      observe,
      onLeaks,
      onTrouble,
    }).then((opened) => (this.environment = opened))
    const environment = await this.opening
    environment.requireLeases()
    return environment
  }

  /**
   * Records a failure, once per test, while the machines are as it left them; of one whose environment could not be opened there is
   * that recording. Resolves with its folder, relative to the results folder, if there is one. Throws nothing.
   */
  recordFailure(failure: Failure): Promise<string | undefined> {
    if (this.environment) return this.recordOnce(failure, leased(this.environment))
    return this.flights.get(outsideOfTests) ?? Promise.resolve(undefined)
  }

  private recordOnce(failure: Failure, machines: ReachedMachines): Promise<string | undefined> {
    const { test } = failure
    const key = test ? JSON.stringify([test.suite, test.name]) : outsideOfTests
    const recorder = {
      run: this.run,
      observe: this.steps.observe,
      log: (text: string) => tell({ type: 'log', text }),
    }
    const known = this.flights.get(key)
    if (known) return known
    const recording = recordFlight(recorder, machines, failure)
    this.flights.set(key, recording)
    return recording
  }

  /** What the test ran on stays as it is, if there is anything, when the worker ends too. */
  keep(test: TestPlace): void {
    this.keptFor ??= test
    this.environment?.keep()
  }

  /** The test whose machines stay as it left them, so that nothing is taken back any more, and no other test may use them. */
  get kept(): string | undefined {
    return this.environment && this.keptFor?.name
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.closing ??= this.close())
  }

  private async close(): Promise<void> {
    const state = workerState()
    if (state.session === this) delete state.session
    // one that could not be opened has put everything back already
    const environment = await this.opening?.catch(() => undefined)
    await environment?.[Symbol.asyncDispose]()
  }
}

/** What is open is this run's alone, unless its lease was lost. */
function leased({ hypervisors, vms, requireLeases }: Environment): ReachedMachines {
  try {
    requireLeases()
    return { hypervisors, vms, leased: true }
  } catch {
    return { hypervisors, vms, leased: false } // who is there now is asked
  }
}
