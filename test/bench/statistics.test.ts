import { describe, expect, test } from 'vitest'
import { exponentOf, ratioOf, spreadOf } from '../../bench/statistics.ts'

const points = (cost: (size: number) => number): Parameters<typeof exponentOf>[0] =>
  [1, 2, 4, 8, 16, 32].map((size) => ({ size, ...spreadOf([cost(size)]) }))

describe('rounds', () => {
  test('have their median, least and most', () => {
    expect(spreadOf([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9 })
  })

  test('have the ratio of the medians, and the range of the rounds', () => {
    expect(ratioOf([10, 30, 20], [2, 3, 5])).toEqual({ median: 20 / 3, min: 4, max: 10 })
  })
})

describe('a growth', () => {
  test('has the exponent of its power', () => {
    expect(exponentOf(points((size) => 3 * size))).toBeCloseTo(1)
    expect(exponentOf(points((size) => size * size))).toBeCloseTo(2)
    expect(exponentOf(points(() => 7))).toBeCloseTo(0)
  })

  test('is quadratic where it ends, behind what every size costs', () => {
    expect(exponentOf(points((size) => 20 + size * size))).toBeGreaterThan(1.5)
  })
})
