/**
 * What hooks and fixtures of a worker share. Vitest evaluates modules anew for each file of a worker, so it is not a module's
 * variable.
 */
import type { Session } from './session.ts'

export interface WorkerState {
  session?: Session
  /** By test: ends it, with the reason, whatever it waits for. */
  readonly endings: WeakMap<object, AbortController>
  /** By test: its breakpoint, until somebody goes on. */
  readonly stops: WeakMap<object, Promise<void>>
}

const key = Symbol.for('dpbench.worker')

export function workerState(): WorkerState {
  const place = globalThis as { [key]?: WorkerState }
  return (place[key] ??= { endings: new WeakMap(), stops: new WeakMap() })
}
