/** The environment of a worker: opened by the first test that needs it, closed when the worker ends. */
import { Environment } from '../environment/environment.ts'
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

export class Session implements AsyncDisposable {
  /** The timeline of this mode. */
  readonly steps: StepRecorder
  private readonly run: RunContext
  private opening: Promise<Environment> | undefined
  private environment: Environment | undefined
  private keptFor: TestPlace | undefined

  constructor(run: RunContext) {
    this.run = run
    const { mode, config, resultsFolder, live } = run
    rememberEnvironment(process.env)
    secretsIn(config).forEach(rememberSecret)
    this.steps = new StepRecorder({
      mode,
      secrets: secretsIn(config),
      write: stepLog(resultsFolder, mode),
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
    const keepLog = logKeeper(this.run.resultsFolder, this.run.config)
    const { observe } = this.steps
    const { mode, resultsFolder } = this.run
    const onLeaks = (leaks: readonly string[]): void => {
      if (leaks.length > 0) writeLeaks(resultsFolder, { mode, leaks: [...leaks] })
    }
    this.opening ??= Environment.open({ ...this.run, folder, signal, log, keepLog, observe, onLeaks }).then(
      (opened) => (this.environment = opened),
    )
    const environment = await this.opening
    environment.requireLeases()
    return environment
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

  async [Symbol.asyncDispose](): Promise<void> {
    const state = workerState()
    if (state.session === this) delete state.session
    // one that could not be opened has put everything back already
    const environment = await this.opening?.catch(() => undefined)
    await environment?.[Symbol.asyncDispose]()
  }
}
