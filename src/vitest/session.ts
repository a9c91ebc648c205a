/** The environment of a worker: opened by the first test that needs it, closed when the worker ends. */
import { Environment } from '../environment/environment.ts'
import { logKeeper } from './log-keeper.ts'
import { tell } from './messages.ts'
import type { RunContext } from './run-context.ts'

export class Session implements AsyncDisposable {
  private readonly run: RunContext
  private opening: Promise<Environment> | undefined

  constructor(run: RunContext) {
    this.run = run
  }

  /**
   * The open environment. A failure is kept: the tests that follow fail with it at once, and nothing is tried again.
   * @throws DpbenchError
   */
  open(signal: AbortSignal): Promise<Environment> {
    const { stateFolder: folder } = this.run
    const log = (text: string): void => tell({ type: 'log', text })
    const keepLog = logKeeper(this.run.resultsFolder, this.run.config)
    this.opening ??= Environment.open({ ...this.run, folder, signal, log, keepLog })
    return this.opening
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // one that could not be opened has put everything back already
    const environment = await this.opening?.catch(() => undefined)
    await environment?.[Symbol.asyncDispose]()
  }
}
