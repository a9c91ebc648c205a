/** Curves and kept windows must lie over each other as they did in time. */
import { expect, test } from 'vitest'
import { lineOf, placed, windowOf } from '../../src/report/html/placement.ts'
import type { FlowSide, RawInterval } from '../../src/verdict/sample.ts'
import { flow, sampleOf } from '../verdict/fixtures.ts'

const startedAt = '2026-11-21T02:00:00.000Z'
const warmUpSeconds = 2

/** Its flow starts `delayMs` after the repetition began, as connections take their time. */
function sampleAfter(delayMs: number, intervals: readonly RawInterval[]) {
  const receiver: FlowSide = {
    version: 'iperf 3.12',
    bytes: 1,
    bitsPerSecond: 1,
    coveredSeconds: 1,
    emptyIntervals: [],
    intervals,
  }
  return sampleOf(1, {
    startedAt,
    flows: [flow('flow 1', 1e9, { receiver })],
    window: {
      startMs: Date.parse(startedAt) + delayMs + warmUpSeconds * 1000,
      seconds: 2,
      keptSeconds: 2,
      overlap: 1,
      startUncertaintyMs: 0,
    },
  })
}

const gigabit = 125_000_000
const seconds: RawInterval[] = [
  [0, 1, gigabit],
  [1, 2, gigabit],
  [2, 3, 8 * gigabit],
  [3, 4, 8 * gigabit],
  [4, 5, gigabit],
]

test('the window lies over the intervals that it kept, however long the flows took to begin', () => {
  const [repetition] = placed([sampleAfter(1700, seconds)], warmUpSeconds)
  const window = windowOf(repetition!, warmUpSeconds)[0]!
  expect(window).toEqual({ start: 3.7, end: 5.7, repetition: '1' })
  const inside = lineOf(repetition!, 'flow 1').filter(([at]) => at > window.start && at < window.end)
  expect(inside.map(([, gigabits]) => gigabits)).toEqual([8, 8])
})

test('the last milliseconds of a run are no rate', () => {
  const [repetition] = placed([sampleAfter(0, [...seconds, [5, 5.002, 90_000_000]])], warmUpSeconds)
  expect(lineOf(repetition!, 'flow 1').map(([, gigabits]) => gigabits)).toEqual([1, 1, 8, 8, 1, null])
})

test('without a window a repetition is drawn from its own start', () => {
  const { window: _, ...sample } = sampleAfter(500, seconds)
  const [repetition] = placed([{ ...sample, state: 'unusable', faults: [] }], warmUpSeconds)
  expect(windowOf(repetition!, warmUpSeconds)).toEqual([])
  expect(lineOf(repetition!, 'flow 1')[0]).toEqual([0.5, 1])
})
