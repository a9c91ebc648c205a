import { expect, test } from 'vitest'
import { fiellerLimits, ratioOfMeans } from '../../src/verdict/ratio.ts'
import { summarise } from '../../src/verdict/statistics.ts'
import { studentTUpperQuantile } from '../../src/verdict/student-t.ts'
import { normalNoise } from './fixtures.ts'

test("Fieller's limits are those of DCSTATS: 14 ± 3 over 7 ± 2, standard errors, t(10) for 90 %", () => {
  // github.com/DCPROGS/DCSTATS, README: lower 1.051413, upper 4.414296
  const limits = fiellerLimits({ mean: 14, variance: 9 }, { mean: 7, variance: 4 }, 1.812461)
  expect(limits?.lower).toBeCloseTo(1.051413, 5)
  expect(limits?.upper).toBeCloseTo(4.414296, 5)
})

test.each([
  [0.05, 1.54, 2.64],
  [0.025, 1.46, 2.83],
  [0.005, 1.27, 3.36],
])("and those of GraphPad's calculator with 6 + 6 values, tail %f", (tail, lower, upper) => {
  // means 14 and 7, standard deviations 3 and 2; as the README of DCSTATS quotes them
  const limits = fiellerLimits(
    { mean: 14, variance: 9 / 6 },
    { mean: 7, variance: 4 / 6 },
    studentTUpperQuantile(tail, 10),
  )
  expect(limits?.lower).toBeCloseTo(lower, 2)
  expect(limits?.upper).toBeCloseTo(upper, 2)
})

test('with spreads of their own it is a little wider than with a common one', () => {
  const { ratio, interval } = ratioOfMeans(
    { n: 6, mean: 14, standardDeviation: 3 },
    { n: 6, mean: 7, standardDeviation: 2 },
  )
  expect(ratio).toBe(2)
  // Satterthwaite: 9.27 degrees of freedom in the place of 10
  expect(interval!.lower).toBeLessThan(1.46)
  expect(interval!.lower).toBeGreaterThan(1.44)
  expect(interval!.upper).toBeGreaterThan(2.83)
  expect(interval!.upper).toBeLessThan(2.86)
})

test('there is no interval where there is nothing to make it of', () => {
  const one = { n: 1, mean: 9, standardDeviation: null }
  const three = { n: 3, mean: 3, standardDeviation: 0.1 }
  expect(ratioOfMeans(one, three)).toEqual({ ratio: 3, interval: null })
  expect(ratioOfMeans(three, { n: 3, mean: 1, standardDeviation: 5 })).toEqual({ ratio: 3, interval: null })
  expect(() => ratioOfMeans(three, { n: 3, mean: 0, standardDeviation: 0 })).toThrow(RangeError)
})

test('without any spread it is the ratio itself', () => {
  const { interval } = ratioOfMeans(summarise([8, 8, 8]), summarise([4, 4]))
  expect(interval).toMatchObject({ lower: 2, upper: 2 })
})

test.each([
  [3, 3, 0.05, 0.02],
  [3, 10, 0.02, 0.1],
  [6, 6, 0.25, 0.1],
  [10, 10, 0.01, 0.2],
])('the true ratio lies in it in 95 of 100 runs: n = %i and %i, CoV %f and %f', (n, m, cov, otherCov) => {
  const noise = normalNoise(20261121 + n + m)
  const runs = 4000
  let inside = 0
  for (let run = 0; run < runs; run++) {
    const above = summarise(Array.from({ length: n }, () => 10 * (1 + cov * noise())))
    const below = summarise(Array.from({ length: m }, () => 4 * (1 + otherCov * noise())))
    const { interval } = ratioOfMeans(above, below)
    if (interval === null || (interval.lower <= 2.5 && interval.upper >= 2.5)) inside++
  }
  // Satterthwaite is an approximation, and 4000 runs know a share to 0.7 %
  expect(inside / runs).toBeGreaterThan(0.94)
  expect(inside / runs).toBeLessThan(0.98)
})
