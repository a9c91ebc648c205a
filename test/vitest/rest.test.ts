import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Rest } from '../../src/vitest/rest.ts'

async function waited(rest: Rest, signal?: AbortSignal): Promise<number> {
  const started = performance.now()
  await rest.over(signal)
  return performance.now() - started
}

test('what was done since flows ended is part of the pause', async () => {
  const rest = new Rest(0.2)
  rest.begin()
  await delay(150)
  const left = await waited(rest)
  expect(left).toBeGreaterThan(20)
  expect(left).toBeLessThan(100)
})

test('a pause that nothing began lasts whole, each time', async () => {
  const rest = new Rest(0.06)
  rest.begin()
  await delay(70)
  expect(await waited(rest)).toBeLessThan(30)
  expect(await waited(rest), 'no flows ended since').toBeGreaterThan(50)
})

test('it ends with the run', async () => {
  await expect(new Rest(60).over(AbortSignal.abort(new Error('the run ends')))).rejects.toThrow(/abort/i)
})
