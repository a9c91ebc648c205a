import { describe, expect, test } from 'vitest'
import { studentTCdf, studentTUpperQuantile } from '../../src/verdict/student-t.ts'
import { summarise } from '../../src/verdict/statistics.ts'
import { findOutliers, modifiedZScores } from '../../src/verdict/outliers.ts'

describe("Student's t", () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2: upper critical values.
  test.for([
    [1, 0.1, 3.078],
    [1, 0.05, 6.314],
    [1, 0.025, 12.706],
    [1, 0.01, 31.821],
    [1, 0.005, 63.657],
    [2, 0.025, 4.303],
    [2, 0.001, 22.327],
    [3, 0.025, 3.182],
    [3, 0.005, 5.841],
    [4, 0.025, 2.776],
    [5, 0.025, 2.571],
    [5, 0.001, 5.893],
    [6, 0.05, 1.943],
    [9, 0.025, 2.262],
    [9, 0.01, 2.821],
    [10, 0.025, 2.228],
    [15, 0.1, 1.341],
    [19, 0.025, 2.093],
    [30, 0.025, 2.042],
    [60, 0.025, 2.0],
    [100, 0.025, 1.984],
  ] as const)('ν=%d, tail %d: %d', ([degrees, tail, table]) => {
    expect(studentTUpperQuantile(tail, degrees)).toBeCloseTo(table, 3)
  })

  test('has its closed forms: ν=1 is the Cauchy distribution, ν=2 is algebraic', () => {
    for (const t of [0.1, 1, 3, 12.7, 500]) {
      expect(studentTCdf(t, 1)).toBeCloseTo(0.5 + Math.atan(t) / Math.PI, 12)
      expect(studentTCdf(t, 2)).toBeCloseTo(0.5 + t / (2 * Math.sqrt(2 + t * t)), 12)
    }
  })

  test('is symmetric, has fractions of a degree, and nears the normal distribution', () => {
    expect(studentTCdf(-1.7, 7)).toBeCloseTo(1 - studentTCdf(1.7, 7), 14)
    expect(studentTCdf(0, 3)).toBe(0.5)
    expect(studentTUpperQuantile(0.025, 4.5)).toBeLessThan(studentTUpperQuantile(0.025, 4))
    expect(studentTUpperQuantile(0.025, 4.5)).toBeGreaterThan(studentTUpperQuantile(0.025, 5))
    expect(studentTUpperQuantile(0.025, 1e6)).toBeCloseTo(1.95996, 4)
  })

  test('turns back on itself', () => {
    for (const degrees of [1, 2, 5, 19, 99]) {
      for (const tail of [0.2, 0.025, 0.00025]) {
        expect(1 - studentTCdf(studentTUpperQuantile(tail, degrees), degrees)).toBeCloseTo(tail, 12)
      }
    }
  })

  test('refuses what has no quantile', () => {
    expect(() => studentTUpperQuantile(0.5, 3)).toThrow(RangeError)
    expect(() => studentTUpperQuantile(0.025, 0)).toThrow(RangeError)
  })
})

describe('the interval of the mean', () => {
  test('is t·s/√n with the factors of MEASUREMENT.md', () => {
    // Values with a sample standard deviation of exactly 1.
    const factors = [3, 5, 10, 20].map((n) => {
      const { interval, standardDeviation } = summarise(Array.from({ length: n }, (_, index) => index))
      return (interval?.halfWidth ?? 0) / (standardDeviation ?? 1)
    })
    expect(factors.map((factor) => Number(factor.toFixed(3)))).toEqual([2.484, 1.242, 0.715, 0.468])
  })

  test('agrees with the worked example of NIST (e-Handbook 1.3.5.2, ZARR13: 195 values)', () => {
    // Published: mean 9.261460, standard deviation 0.022789, 95 % limits 9.258242 and 9.264679 (t = 1.9723).
    const t = studentTUpperQuantile(0.025, 194)
    expect(t).toBeCloseTo(1.9723, 4)
    expect(9.26146 - (t * 0.022789) / Math.sqrt(195)).toBeCloseTo(9.258242, 5)
    expect(9.26146 + (t * 0.022789) / Math.sqrt(195)).toBeCloseTo(9.264679, 5)
  })

  test('agrees with Student’s own sleep data (1908: the differences of ten patients)', () => {
    // R's documentation of `sleep`: paired t = 4.0621, 95 % interval of the mean 0.7001142 to 2.4598858.
    const { mean, interval } = summarise([1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4])
    expect(mean).toBeCloseTo(1.58, 12)
    expect(interval?.lower).toBeCloseTo(0.7001142, 6)
    expect(interval?.upper).toBeCloseTo(2.4598858, 6)
  })

  test('of equal values has no width, and of one value does not exist', () => {
    const equal = summarise([0.1 + 0.2, 0.30000000000000004, 0.30000000000000004])
    expect(equal).toMatchObject({ standardDeviation: 0, coefficientOfVariation: 0 })
    expect(equal.interval).toMatchObject({ halfWidth: 0, lower: 0.30000000000000004 })
    expect(summarise([7])).toMatchObject({
      n: 1,
      mean: 7,
      median: 7,
      standardDeviation: null,
      coefficientOfVariation: null,
      interval: null,
      outliers: [],
    })
  })

  test('a mean of nothing has no coefficient of variation', () => {
    expect(summarise([0, 0]).coefficientOfVariation).toBeNull()
  })

  test('refuses no values and values that are none', () => {
    expect(() => summarise([])).toThrow(RangeError)
    expect(() => summarise([1, Number.NaN])).toThrow(RangeError)
  })

  test('leaves the order of its input alone', () => {
    const values = [3, 1, 2]
    expect(summarise(values).values).toEqual([3, 1, 2])
    expect(values).toEqual([3, 1, 2])
  })
})

describe('outliers', () => {
  test('agree with the data of Iglewicz and Hoaglin (1993)', () => {
    // Median 2.09, MAD 0.04 scaled: both low values stand out, the others do not.
    const values = [2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3]
    expect(findOutliers(values).map(({ repetition }) => repetition)).toEqual([9, 10])
  })

  test('one slow repetition among steady ones is flagged, with its sign', () => {
    const [outlier, ...others] = findOutliers([9.41, 9.4, 9.39, 9.42, 5.1, 9.4])
    expect(outlier).toMatchObject({ repetition: 5, value: 5.1 })
    expect(outlier?.modifiedZScore).toBeLessThan(-3.5)
    expect(others).toEqual([])
  })

  test('more than half equal values (MAD 0) still have outliers', () => {
    expect(findOutliers([9, 9, 9, 9, 9, 9, 9, 9, 9, 4]).map(({ repetition }) => repetition)).toEqual([10])
  })

  test('equal values have none, and two values have none', () => {
    expect(modifiedZScores([5, 5, 5])).toEqual([0, 0, 0])
    expect(findOutliers([1, 100])).toEqual([])
  })

  test('stay in every figure', () => {
    const statistics = summarise([10, 10.1, 9.9, 10, 5])
    expect(statistics).toMatchObject({ n: 5, min: 5 })
    expect(statistics.mean).toBeCloseTo(9)
  })
})
