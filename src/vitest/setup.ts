/** Loaded into each worker before a suite (Vitest's `setupFiles`). */
import './matchers.ts'
import { keepHeapSmall } from '../core/small-heap.ts'
import { hookTests } from './hooks.ts'

hookTests()
keepHeapSmall()

/**
 * Ctrl-C reaches the whole process group. The main process cancels the run in order; a worker that died of the signal
 * at once could put nothing back.
 */
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  if (process.listenerCount(signal) === 0) process.on(signal, () => undefined)
}
