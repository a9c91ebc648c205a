import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Rest } from '../../src/vitest/rest.ts'

async function milliseconds(wait: Promise<void>): Promise<number> {
  const started = performance.now()
  await wait
  return performance.now() - started
}

test('what was done since flows ended is part of the pause', async () => {
  const rest = new Rest(0.2)
  rest.begin()
  await delay(150)
  const left = await milliseconds(rest.over())
  expect(left).toBeGreaterThan(20)
  expect(left).toBeLessThan(100)
})

test('before the first flows there is none', async () => {
  expect(await milliseconds(new Rest(60).over())).toBeLessThan(50)
})

test('the next repetition gets ready in the last second of it', async () => {
  const rest = new Rest(1.1)
  rest.begin()
  const quiet = await milliseconds(rest.nearlyOver())
  expect(quiet).toBeGreaterThan(80)
  expect(quiet).toBeLessThan(300)
  const ready = await milliseconds(rest.over())
  expect(quiet + ready).toBeGreaterThan(1090)
})

test('where flows were not seen to end it lasts whole from then on', async () => {
  const rest = new Rest(0.1)
  rest.begin()
  await rest.over()
  await delay(110)
  await rest.nearlyOver()
  expect(await milliseconds(rest.over())).toBeGreaterThan(90)
})

test('it ends with the run', async () => {
  const ends = AbortSignal.abort(new Error('the run ends'))
  const rest = new Rest(60)
  await expect(rest.nearlyOver(ends)).rejects.toThrow(/abort/i)
  await expect(rest.over(ends)).rejects.toThrow(/abort/i)
})
