/** What is done around each test of a worker: a way to end it from outside, and what is to happen when it has failed. */
import { afterEach, beforeEach, inject } from 'vitest'
import { suiteName } from './suite-name.ts'
import { breakAt, isTimeLimit } from './breakpoint.ts'
import { recordFailure } from './record-failure.ts'
import { workerState } from './worker-state.ts'

export function hookTests(): void {
  // its fixtures and its function get this signal, and Vitest ends a test whose signal is aborted
  beforeEach(({ task, signal }) => {
    const ending = new AbortController()
    workerState().endings.set(task, ending)
    Object.assign(task.context, { signal: AbortSignal.any([signal, ending.signal]) })
  })

  // the last hook of a test, and before its fixtures take back what they made
  afterEach(async ({ task, signal }) => {
    await recordFailure(task, signal)
    // one that its time limit has ended, and is being looked at, keeps what it has
    const stopped = workerState().stops.get(task)
    await stopped
    if (task.result?.state !== 'fail') return
    const run = inject('dpbench')
    const { session } = workerState()
    if (run.keepOnFailure && session) {
      session.keep({ suite: suiteName(task.file.filepath), name: task.name })
      if (session.kept !== undefined && task.meta.dpbench) task.meta.dpbench.kept = true
    }
    if (!run.breakOnFailure || (stopped && isTimeLimit(signal.reason))) return
    const [error] = task.result.errors ?? []
    // a test that was ended has an aborted signal, and is to be looked at all the same
    const at = { run, test: task.name, signal: signal.aborted ? new AbortController().signal : signal }
    await breakAt(at, `failed: ${error?.message ?? 'without an error'}`)
  })
}
