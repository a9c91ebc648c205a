/** Two modes: the dip against its published data and table, and that one mode of any shape is none. */
import { describe, expect, test } from 'vitest'
import { judge } from '../../src/verdict/decide.ts'
import { criticalDip, dipOf, findTwoModes } from '../../src/verdict/dip.ts'
import { normalNoise, planFor, samplesOf, uniformNoise } from './fixtures.ts'

describe("Hartigan's dip", () => {
  test('agrees with the example of Hartigan and Hartigan (1985): 63 statistics departments, dip 0.0595', () => {
    // R's package diptest, data(statfaculty): dip() says 0.0595238.
    const departments = [
      30, 33, 35, 36, 37, 37, 39, 39, 39, 39, 39, 40, 40, 40, 40, 41, 42, 43, 43, 43, 44, 44, 45, 45, 46, 46,
      47, 47, 48, 48, 48, 49, 50, 50, 51, 52, 52, 53, 53, 53, 53, 53, 54, 54, 57, 57, 59, 60, 60, 60, 61, 61,
      61, 61, 62, 62, 62, 62, 63, 66, 70, 72, 72,
    ]
    expect(dipOf(departments)).toBeCloseTo(0.0595238, 7)
  })

  test('has its closed forms: even steps 1/(2n), two points 1/4, one point the smallest', () => {
    expect(dipOf([1, 2, 3, 4, 5, 6])).toBeCloseTo(1 / 12, 12)
    expect(dipOf([0, 0, 0, 1, 1, 1])).toBeCloseTo(1 / 4, 12)
    expect(dipOf([7, 7, 7, 7, 7])).toBeCloseTo(1 / 10, 12)
    expect(dipOf([1, 1, 1, 2, 3])).toBeCloseTo(1 / 10, 12)
  })

  test.for([5, 6, 8, 10, 15, 20])(
    'one in a hundred samples of %d from the uniform distribution exceeds the table',
    (n) => {
      const noise = uniformNoise(31)
      const runs = 20_000
      let above = 0
      for (let run = 0; run < runs; run++)
        if (dipOf(Array.from({ length: n }, noise)) > criticalDip(n)) above++
      expect(above / runs).toBeGreaterThan(0.007)
      expect(above / runs).toBeLessThan(0.013)
    },
  )

  test('between the sizes of the table it falls with n', () => {
    for (let n = 5; n < 100; n++) expect(criticalDip(n + 1)).toBeLessThan(criticalDip(n))
    expect(criticalDip(12)).toBeCloseTo(0.148, 3)
  })
})

describe('two modes', () => {
  test('are found where they stand apart, with the size and the mean of each', () => {
    const found = findTwoModes([9.4, 7.1, 9.41, 7.12, 9.39, 7.11])
    expect(found?.groups.map(({ n }) => n)).toEqual([3, 3])
    expect(found?.groups[0].mean).toBeCloseTo(7.11, 10)
    expect(found?.groups[1].mean).toBeCloseTo(9.4, 10)
    expect(findTwoModes([9.4, 7.1, 9.41, 7.12, 9.39])).toBeDefined()
  })

  test.for([6, 10, 20])('twenty deviations apart, they are found in at least 9 of 10 runs of %d', (n) => {
    const noise = normalNoise(32)
    const runs = 1000
    let found = 0
    for (let run = 0; run < runs; run++)
      if (findTwoModes(Array.from({ length: n }, (_, index) => 100 + noise() + (index % 2) * 20))) found++
    expect(found / runs).toBeGreaterThan(0.9)
  })

  test('are not seen in noise of one mode, whatever its shape', () => {
    const noise = normalNoise(33)
    const runs = 3000
    const shapes = [(z: number) => z, (z: number) => Math.exp(z), (z: number) => Math.sinh(2 * z)]
    for (const shape of shapes) {
      let found = 0
      for (let run = 0; run < runs; run++)
        if (findTwoModes(Array.from({ length: 10 }, () => shape(noise())))) found++
      expect(found / runs).toBeLessThan(0.01)
    }
  })

  test('less than 5 % apart they matter to nobody', () => {
    expect(findTwoModes([9.4, 8.94, 9.4, 8.94, 9.4, 8.94])).toBeUndefined()
    expect(findTwoModes([9.4, 8.92, 9.4, 8.92, 9.4, 8.92])).toBeDefined()
  })

  test('one outlier is an outlier and no mode; four values are too few', () => {
    expect(findTwoModes([9.4, 9.41, 9.4, 9.39, 9.42, 5])).toBeUndefined()
    expect(findTwoModes([1, 1, 9, 9])).toBeUndefined()
  })

  test('are a note beside the verdict and change nothing about it', () => {
    const verdict = judge(samplesOf(9.4, 8.9, 9.41, 8.91, 9.39, 8.92), planFor(8))
    expect(verdict.state).toBe('PASS')
    expect(verdict.notes).toEqual([
      "two modes: 3 around 8.91 and 3 around 9.40 Gbit/s (Hartigan's dip 0.240, p < 0.01): the mean lies in neither," +
        ' look for what switches between them',
    ])
  })
})
