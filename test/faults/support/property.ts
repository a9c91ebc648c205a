/**
 * The frame of the fault bench. A part is a test file in test/faults/ that says properties: each is tried many times, each
 * fault is kept, and its figures become a row of docs/reliability.md when the whole bench runs (`npm run test:faults`).
 * `npm test` runs the same files in their quick size; what needs a lab is named `*.e2e.test.ts`, as everywhere.
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { DpbenchError, describeError } from '../../../src/core/errors.ts'

export type BenchSize = 'quick' | 'whole'

/** What a run of a property came to, for the reporter. */
export interface PropertyFigures {
  /** One sentence that holds or does not. */
  readonly property: string
  /** What one try is: `configs`, `runs killed`. */
  readonly counted: string
  readonly tried: number
  readonly faults: readonly string[]
  /** Repeats the random choices: `DPBENCH_FAULTS_SEED`. */
  readonly seed: number
  readonly size: BenchSize
}

declare module 'vitest' {
  interface TaskMeta {
    reliability?: PropertyFigures
  }
}

export const benchSize: BenchSize = process.env['DPBENCH_FAULTS'] === 'whole' ? 'whole' : 'quick'

/** `npm test` must find the same today and tomorrow; the whole bench looks somewhere else each time. */
const seed = Number(
  process.env['DPBENCH_FAULTS_SEED'] ?? (benchSize === 'quick' ? 20_261_121 : Date.now() % 2 ** 31),
)

export class Tally {
  readonly size = benchSize
  readonly seed = seed
  readonly faults: string[] = []
  tried = 0
  /** How many tries are wanted in this size. */
  readonly wanted: number

  constructor(wanted: number) {
    this.wanted = wanted
  }

  /** One more try; `check` resolves with the faults that it found. What it throws is one. */
  async try(what: string, check: () => Promise<readonly string[]> | readonly string[]): Promise<void> {
    this.tried += 1
    try {
      for (const fault of await check()) this.faults.push(`${what}: ${fault}`)
    } catch (error) {
      this.faults.push(`${what}: ${describeError(error)}`)
    }
  }

  /**
   * Tries `check` on random values until as many as are wanted were tried, or one fails: that one is made as small as it can
   * be first.
   */
  async random<T>(values: fc.Arbitrary<T>, check: (value: T) => Promise<void> | void): Promise<void> {
    const property = fc.asyncProperty(values, async (value) => {
      this.tried += 1
      await check(value)
    })
    const found = await fc.check(property, { seed, numRuns: this.wanted, endOnFailure: false })
    if (!found.failed) return
    const value = excerpt(fc.stringify(found.counterexample?.[0]))
    const error = found.errorInstance
    const stack = error instanceof Error ? (error.stack ?? '').split('\n').slice(0, 6).join('\n') : ''
    this.faults.push(`${describeError(error)}\n  with ${value}\n  (seed ${seed})\n${stack}`)
  }
}

export interface PropertyOptions {
  readonly counted: string
  /** Tries in `npm test` and in `npm run test:faults`. */
  readonly quick: number
  readonly whole: number
  /** Of all tries together. */
  readonly timeoutMs?: number
}

/** Declares a property: a test that fails when its tally has a fault, or when nothing was tried. */
export function property(
  name: string,
  { counted, quick, whole, timeoutMs = benchSize === 'quick' ? 20_000 : 600_000 }: PropertyOptions,
  check: (tally: Tally) => Promise<void>,
): void {
  test(name, { timeout: timeoutMs }, async ({ task }) => {
    const tally = new Tally(benchSize === 'quick' ? quick : whole)
    try {
      await check(tally)
    } catch (error) {
      tally.faults.push(describeError(error)) // beside the tries
      throw error
    } finally {
      const { tried, faults, size } = tally
      task.meta.reliability = { property: name, counted, tried, faults, seed, size }
    }
    expect(tally.faults, `seed ${seed}: DPBENCH_FAULTS_SEED=${seed} repeats it`).toEqual([])
    expect(tally.tried, 'tries').toBeGreaterThan(0)
  })
}

/** What one piece of input may take at most: beyond it, it hangs. The machine may be busy with all else, our own work is not. */
const hangMs = 20_000
const mostWorkMs = 5000

/**
 * What bad input may do to an entry point: nothing, or one of our errors, whose sentence is no stack trace and fits a screen,
 * in time. A loop that never yields ends in the test's deadline instead.
 * @throws Error saying what it did
 */
export async function survives(run: () => unknown): Promise<void> {
  const before = process.cpuUsage()
  const late = new AbortController()
  try {
    const hang = delay(hangMs, 'hangs' as const, { signal: late.signal, ref: false }).catch(() => undefined)
    const ended = await Promise.race([Promise.resolve().then(run), hang])
    if (ended === 'hangs') throw new TypeError(`did not end within ${hangMs} ms`)
  } catch (error) {
    if (!(error instanceof DpbenchError)) throw error
    const text = describeError(error)
    if (/\n\s+at /.test(text)) throw new Error(`shows a stack trace: ${text}`, { cause: error })
    if (text.trim() === '') throw new Error('an error without a sentence', { cause: error })
    if (text.length > 20_000) throw new Error(`says ${text.length} characters`, { cause: error })
  } finally {
    late.abort()
  }
  const { user, system } = process.cpuUsage(before)
  const workMs = (user + system) / 1000
  if (workMs > mostWorkMs) throw new Error(`took ${Math.round(workMs)} ms of CPU time`)
}

function excerpt(text: string): string {
  return text.length > 4000 ? `${text.slice(0, 2000)} … ${text.slice(-2000)}` : text
}
