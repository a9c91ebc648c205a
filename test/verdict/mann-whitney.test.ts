/** Mann and Whitney's test and what is compared with it, against published examples and tables. */
import { describe, expect, test } from 'vitest'
import { compareFigures, fewestAgainst } from '../../src/verdict/compare.ts'
import { mannWhitney, pairsOutside, smallestP } from '../../src/verdict/mann-whitney.ts'
import { normalNoise } from './fixtures.ts'

/** Hollander and Wolfe (1973), p. 69: permeability of the human chorioamnion at term and at 12 to 26 weeks. */
const atTerm = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
const earlier = [1.15, 0.88, 0.9, 0.74, 1.21]

describe("Mann and Whitney's test", () => {
  test("agrees with Hollander and Wolfe's example (R's help on wilcox.test: W = 35, one-sided p = 0.1272)", () => {
    const found = mannWhitney(atTerm, earlier)
    expect(found).toMatchObject({ u: 35, method: 'exact' })
    expect(found.p / 2).toBeCloseTo(0.1272, 4)
    expect(mannWhitney(earlier, atTerm)).toMatchObject({ u: 15, p: found.p })
  })

  test('agrees with the tied example of Bergmann, Ludbrook and Spooren (2000): exact p = 0.037', () => {
    // Rotarod times of 24 rats, most of them cut off at 300 s: C(12,5)/C(24,5) one-sided.
    const treated = [18, 22, 75, 163, 271, ...Array<number>(7).fill(300)]
    const control = Array<number>(12).fill(300)
    expect(mannWhitney(treated, control).p).toBeCloseTo((2 * 792) / 42504, 12)
  })

  test('the smallest p, as MEASUREMENT.md has it', () => {
    expect(smallestP(3, 3)).toBeCloseTo(0.1, 12)
    expect(smallestP(4, 4)).toBeCloseTo(2 / 70, 12)
    expect(smallestP(5, 5)).toBeCloseTo(2 / 252, 12)
    expect([1, 2, 3, 4, 5].map(fewestAgainst)).toEqual([Infinity, 8, 5, 4, 3])
  })

  // Mann and Whitney's critical values, two-sided 5 % (Siegel 1956, table K): the largest U that is significant.
  test.for([
    [4, 4, 0],
    [5, 5, 2],
    [5, 8, 6],
    [6, 6, 5],
    [8, 8, 13],
    [10, 10, 23],
    [12, 15, 49],
    [20, 20, 127],
  ] as const)('critical value of %d and %d: U = %d', ([n, m, critical]) => {
    expect(pWithU(n, m, critical)).toBeLessThanOrEqual(0.05)
    expect(pWithU(n, m, critical + 1)).toBeGreaterThan(0.05)
    expect(pairsOutside(n, m, 0.025)).toBe(critical + 1)
  })

  test('equal figures everywhere are no difference, ties count half', () => {
    expect(mannWhitney([1, 1, 1], [1, 1, 1, 1])).toEqual({ u: 6, p: 1, method: 'exact' })
  })

  test('large sets go by the normal distribution, which is near the exact p where both are known', () => {
    const noise = normalNoise(5)
    const a = Array.from({ length: 50 }, () => noise())
    const b = Array.from({ length: 50 }, () => noise() + 0.5)
    const exact = mannWhitney(a, b)
    const more = mannWhitney([...a, 100], [...b, -100])
    expect([exact.method, more.method]).toEqual(['exact', 'normal approximation'])
    const doubled = mannWhitney([...a, ...a], [...b, ...b])
    expect(doubled.p).toBeLessThan(exact.p)
    expect(mannWhitney(Array<number>(60).fill(7), Array<number>(60).fill(7)).p).toBe(1)
    expect(pairsOutside(51, 51, 0.025)).toBeGreaterThan(pairsOutside(50, 50, 0.025))
    expect(pairsOutside(51, 51, 0.025) - pairsOutside(50, 50, 0.025)).toBeLessThan(60)
  })

  test('under no difference p is below 5 % in at most 5 % of comparisons, whatever the noise', () => {
    const noise = normalNoise(6)
    const wrong = { normal: 0, heavy: 0, rounded: 0 }
    const runs = 4000
    for (let run = 0; run < runs; run++) {
      const draw = (f: (z: number) => number): [number[], number[]] => [
        Array.from({ length: 5 }, () => f(noise())),
        Array.from({ length: 6 }, () => f(noise())),
      ]
      if (mannWhitney(...draw((z) => z)).p < 0.05) wrong.normal++
      if (mannWhitney(...draw((z) => Math.sinh(3 * z))).p < 0.05) wrong.heavy++
      if (mannWhitney(...draw((z) => Math.round(z))).p < 0.05) wrong.rounded++
    }
    for (const count of Object.values(wrong)) expect(count / runs).toBeLessThan(0.055)
    expect(wrong.normal / runs).toBeGreaterThan(0.03)
  })

  test('refuses what is no set of figures', () => {
    expect(() => mannWhitney([], [1])).toThrow(RangeError)
    expect(() => mannWhitney([1, Number.NaN], [1])).toThrow(RangeError)
  })
})

describe('a comparison', () => {
  const before = [9.4, 9.41, 9.42, 9.39, 9.4].map((gbit) => gbit * 1e9)
  const scaled = (factor: number): number[] => before.map((figure) => figure * factor)

  test('the interval agrees with Hollander and Wolfe: estimate 0.305, from -0.15 to 0.76 (R: conf.int = TRUE)', () => {
    // The interval is of ratios; the logarithms' ratios are the figures' differences.
    const [x, y] = [atTerm, earlier].map((set) => set.map(Math.exp))
    const { interval } = compareFigures(y!, x!)
    expect(Math.log(1 + interval!.lower)).toBeCloseTo(-0.15, 10)
    expect(Math.log(1 + interval!.upper)).toBeCloseTo(0.76, 10)
  })

  test('a regression: p below 5 % and the median at least 5 % worse', () => {
    const found = compareFigures(before, scaled(0.9))
    expect(found).toMatchObject({ conclusion: 'regression', before: { n: 5 }, after: { n: 5 } })
    expect(found.effect).toBeCloseTo(-0.1, 12)
    expect(found.sentence).toBe(
      '9.40 Gbit/s → 8.46 Gbit/s: -10.0 % (95 % interval -10.2 to -9.8 %), p=0.008, n=5 and 5: a regression',
    )
  })

  test('on both sides of the 5 %', () => {
    expect(compareFigures(before, scaled(0.951)).conclusion).toBe('small-difference')
    expect(compareFigures(before, scaled(0.949)).conclusion).toBe('regression')
    expect(compareFigures(before, scaled(1.051)).conclusion).toBe('improvement')
  })

  test('on both sides of p: as far apart, and noisy', () => {
    const noisy = [9.9, 8.1, 8.0, 9.5, 7.9].map((gbit) => gbit * 1e9)
    const found = compareFigures(before, noisy)
    expect(found.effect).toBeLessThan(-0.05)
    expect(found).toMatchObject({ conclusion: 'no-difference' })
  })

  test('better is lower for delays', () => {
    expect(compareFigures(before, scaled(0.9), { better: 'lower' }).conclusion).toBe('improvement')
    expect(compareFigures(before, scaled(1.1), { better: 'lower' }).conclusion).toBe('regression')
  })

  test('three against three is too few, and says so', () => {
    const found = compareFigures(before.slice(0, 3), scaled(0.5).slice(0, 3))
    expect(found).toMatchObject({ conclusion: 'too-few', interval: null })
    expect(found.sentence).toMatch(/too few to tell: p cannot get below 0\.100, and 0\.05 is needed$/)
  })

  test('refuses figures that have no ratio', () => {
    expect(() => compareFigures([0, 1], [1])).toThrow(RangeError)
  })
})

/** p of two sets without ties whose smaller U is `u`: every a below every b, then moved up pair by pair. */
function pWithU(n: number, m: number, u: number): number {
  const b = Array.from({ length: m }, (_, index) => index + 1)
  let left = u
  const a = Array.from({ length: n }, (_, index) => {
    const passed = Math.min(m, left)
    left -= passed
    return passed + 0.5 + (n - index) * 0.001
  })
  return mannWhitney(a, b).p
}
