/** Which tests the flight recorder is for: those that failed, whatever of, and those that were running when the run was ended. */
import type { TestContext } from 'vitest'
import { suiteName } from './suite-name.ts'
import { workerState } from './worker-state.ts'

type Task = TestContext['task']

/**
 * Records a test that has failed or was interrupted; a test that is to fail (`test.fails`) has not. Throws nothing.
 * @param trouble what ends the test although it has passed
 */
export async function recordFailure(task: Task, signal: AbortSignal, trouble?: unknown): Promise<void> {
  const { session } = workerState()
  const interrupted = isInterruption(signal.reason)
  const failed = task.result?.state === 'fail' && !task.fails
  if (!session || !(failed || interrupted || trouble !== undefined)) return
  const { measurements = [] } = task.meta.dpbench ?? {}
  const said = (task.result?.errors ?? []).map(({ message }) => message).join('\n')
  const folder = await session.recordFailure({
    test: { suite: suiteName(task.file.filepath), name: task.name },
    occasion: interrupted ? 'the run was interrupted' : 'the test failed',
    error: trouble ?? (said || (signal.reason ?? 'failed without an error')),
    interrupted,
    artifacts: measurements.flatMap(({ artifacts }) => artifacts),
  })
  if (folder !== undefined) task.meta.dpbenchFlight = folder
}

/** What Vitest aborts a test with when the run is cancelled; a test that took too long has another reason. */
function isInterruption(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TestRunAbortError'
}
