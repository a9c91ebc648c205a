/**
 * Runs the files of a mode, and puts the machines back after the last of them. That could be left to the end of the worker, as
 * for one that is cancelled, but Vitest gives a worker's end one minute, and a slow way to the machines takes longer.
 */
import { inject, type RunnerTestFile, TestRunner } from 'vitest'
import { workerState } from './worker-state.ts'

export default class MeasuringRunner extends TestRunner {
  private left = inject('dpbench').files

  override async onAfterRunFiles(files: RunnerTestFile[]): Promise<void> {
    super.onAfterRunFiles(files)
    this.left -= files.length
    if (this.left === 0) await workerState().session?.[Symbol.asyncDispose]()
  }
}
