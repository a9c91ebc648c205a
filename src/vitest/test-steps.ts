/**
 * The parts of a test: subtests and steps, nested as they are called, in the run's timeline and in the message of what fails in
 * them. Parts that run side by side keep apart.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { DpbenchError } from '../core/errors.ts'
import { type Observe, asPhase } from '../core/steps.ts'

/** Runs `work` as a named part of the test; what it throws says in which part. Resolves with what `work` returns. */
export type Part = <T>(name: string, work: () => T | Promise<T>) => Promise<T>

export interface TestLog {
  /** A line of the run's output and of its timeline. */
  (text: string): void
  step: Part
}

export interface TestPartsOptions {
  readonly observe: Observe
  readonly say: (text: string) => void
  readonly signal?: AbortSignal | undefined
}

const between = ' › '
/** Of all tests: what runs now is inside of these. */
const open = new AsyncLocalStorage<readonly string[]>()
/** Errors that say already where they were thrown. */
const placed = new WeakSet<object>()

export function testParts({ observe, say, signal }: TestPartsOptions): { subtest: Part; log: TestLog } {
  const part =
    (kind: 'subtest' | 'step'): Part =>
    async (name, work) => {
      signal?.throwIfAborted()
      const path = [...(open.getStore() ?? []), `${kind} ${name}`]
      const title = path.join(between)
      const started = performance.now()
      const tell = (outcome: string): void =>
        say(`${title}: ${outcome}, ${((performance.now() - started) / 1000).toFixed(1)} s`)
      try {
        const value = await asPhase(observe, title, () => open.run(path, async () => work()), signal)
        tell('ok')
        return value
      } catch (error) {
        if (isSkip(error)) throw error
        tell('failed')
        throw withPlace(error, title)
      }
    }
  const line = (text: string): void => {
    const title = [...(open.getStore() ?? []), text].join(between)
    observe({ machine: 'controller', kind: 'phase', name: title })({ outcome: 'ok' })
    say(title)
  }
  return { subtest: part('subtest'), log: Object.assign(line, { step: part('step') }) }
}

/** Vitest's own way to end a skipped test. */
function isSkip(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'VITEST_PENDING'
}

/** The same error, so that assertions keep what they compared; the innermost part is said, once. */
function withPlace(error: unknown, title: string): unknown {
  if (!(error instanceof Error)) return new DpbenchError(`${title}: ${String(error)}`, { cause: error })
  if (placed.has(error)) return error
  if (!Object.isFrozen(error)) {
    error.message = `${title}: ${error.message}`
    placed.add(error)
    return error
  }
  const wrapped = new DpbenchError(`${title}: ${error.message}`, { cause: error })
  placed.add(wrapped)
  return wrapped
}
