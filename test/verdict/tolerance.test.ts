/** The factor of a one-sided tolerance bound, against published tables. */
import { describe, expect, test } from 'vitest'
import { lowerToleranceBound, toleranceFactor } from '../../src/verdict/tolerance.ts'
import { summarise } from '../../src/verdict/statistics.ts'
import { normalNoise } from './fixtures.ts'

describe('the tolerance factor', () => {
  // Lieberman (1958), "Tables for one-sided statistical tolerance limits"; the same in Natrella, NBS Handbook 91, table A-7.
  test.for([
    [3, 0.95, 0.95, 7.655],
    [5, 0.95, 0.95, 4.202],
    [10, 0.95, 0.95, 2.911],
    [15, 0.95, 0.95, 2.566],
    [20, 0.95, 0.95, 2.396],
    [30, 0.95, 0.95, 2.22],
    [50, 0.95, 0.95, 2.065],
    [10, 0.9, 0.95, 2.355],
    [10, 0.99, 0.95, 3.981],
    [10, 0.9, 0.99, 3.048],
  ] as const)('n=%d, content %d, confidence %d: %d', ([n, content, confidence, factor]) => {
    expect(toleranceFactor(n, { content, confidence })).toBeCloseTo(factor, 2)
    expect(Math.abs(toleranceFactor(n, { content, confidence }) - factor)).toBeLessThan(0.0015)
  })

  test("agrees with NIST's example (e-Handbook 7.2.6.3): 43 wafers, 90 % of them with 99 %: 1.8740", () => {
    expect(toleranceFactor(43, { content: 0.9, confidence: 0.99 })).toBeCloseTo(1.874, 3)
  })

  test('refuses what has no factor', () => {
    expect(() => toleranceFactor(2)).toThrow(RangeError)
    expect(() => toleranceFactor(10, { content: 1, confidence: 0.95 })).toThrow(RangeError)
    expect(() => lowerToleranceBound([1])).toThrow(RangeError)
  })
})

test('the bound is mean − k·s', () => {
  const bound = lowerToleranceBound([9, 10, 11, 9, 10, 11, 9, 10, 11, 10])
  expect(bound).toMatchObject({ n: 10, mean: 10, content: 0.95, confidence: 0.95 })
  expect(bound.bound).toBeCloseTo(10 - 2.911 * Math.sqrt(6 / 9), 3)
})

test('the bound lies below 95 % of what is to come in 95 % of calibrations', () => {
  const noise = normalNoise(21)
  const runs = 4000
  const factor = toleranceFactor(10)
  let held = 0
  for (let run = 0; run < runs; run++) {
    const { mean, standardDeviation } = summarise(Array.from({ length: 10 }, () => noise()))
    if (mean - factor * standardDeviation! <= -1.6448536) held++
  }
  expect(held / runs).toBeGreaterThan(0.94)
  expect(held / runs).toBeLessThan(0.96)
})
