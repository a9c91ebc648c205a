/** Invariants: looked at again and again, and the end of the test when they break. */
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ConditionError, UsageError } from '../../src/core/errors.ts'
import { type Holds, type PollingOptions, pollingCondition } from '../../src/vitest/polling-condition.ts'

function polled(holds: Holds, options: PollingOptions = {}) {
  const testEnd = new AbortController()
  const broken = Promise.withResolvers<ConditionError>()
  const condition = pollingCondition(
    'stays',
    holds,
    { intervalMs: 5, ...options },
    { signal: testEnd.signal, end: broken.resolve },
  )
  return { condition, testEnd, broken: broken.promise }
}

describe('a polled condition', () => {
  test('ends the test when it breaks, with its name', async () => {
    let looks = 0
    const { broken } = polled(() => ++looks < 4)
    await expect(broken).resolves.toMatchObject({
      message: 'the condition "stays" is broken: it does not hold',
      code: 'DPBENCH_CONDITION',
      exitCode: 1,
    })
    await delay(30)
    expect(looks, 'nobody looks again').toBe(4)
  })

  test('holds by whatever is not false, and says what was thrown', async () => {
    let looks = 0
    const { broken } = polled(() => {
      if (++looks > 2) throw new Error('no such process')
    })
    expect((await broken).message).toBe('the condition "stays" is broken: no such process')
  })

  test('a look that takes too long has broken it', async () => {
    const { broken } = polled((signal) => delay(60_000, undefined, { signal }), { timeoutMs: 30 })
    expect((await broken).message).toMatch(/no answer within 0\.03 s$/)
  })

  test('is polled no longer than its scope, nor than the test', async () => {
    let looks = 0
    const count = (): void => void looks++
    {
      await using _scoped = polled(count).condition
      await delay(30)
    }
    const { testEnd } = polled(count)
    testEnd.abort()
    const seen = looks
    expect(seen).toBeGreaterThan(2)
    await delay(40)
    expect(looks).toBe(seen)
  })

  test('leaving its scope does not wait for a look that hangs', async () => {
    const { condition } = polled(() => new Promise(() => undefined))
    await condition[Symbol.asyncDispose]()
  })

  test('around work: what it returns, or the break at once', async () => {
    expect(await polled(() => true).condition.during(() => 3)).toBe(3)
    let holds = true
    const { condition } = polled(() => holds)
    const work = condition.during(async () => {
      await delay(20)
      holds = false
      await new Promise(() => undefined)
    })
    await expect(work).rejects.toThrow(ConditionError)
  })

  test('check looks now, and a condition that broke stays broken', async () => {
    let holds = true
    const { condition } = polled(() => holds, { intervalMs: 60_000 })
    await condition.check()
    holds = false
    await expect(condition.check()).rejects.toThrow('the condition "stays" is broken')
    holds = true
    await expect(condition.check()).rejects.toThrow('the condition "stays" is broken')
    await condition[Symbol.asyncDispose]()
  })

  test('takes times that are times', () => {
    expect(() => polled(() => true, { intervalMs: 0 })).toThrow(UsageError)
    expect(() => polled(() => true, { timeoutMs: Number.NaN })).toThrow(
      /timeoutMs is NaN: write milliseconds/,
    )
  })
})
