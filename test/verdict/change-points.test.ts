import { expect, test } from 'vitest'
import { changePoints } from '../../src/verdict/change-points.ts'
import { normalNoise, uniformNoise } from './fixtures.ts'

test('the Nile at Aswan changed after 1898 (Cobb 1978; Zeileis and others 2003: breakpoint 1898)', () => {
  // R's data set Nile: annual flow in 10⁸ m³, 1871 to 1970.
  const flow = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958,
    1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020,
    1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796,
    1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874,
    848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718,
    714, 740,
  ]
  expect(flow).toHaveLength(100)
  expect(changePoints(flow).map(({ index }) => 1871 + index)).toEqual([1899])
})

test('several changes are found, each where it is', () => {
  const noise = normalNoise(51)
  const level = (count: number, mean: number): number[] => Array.from({ length: count }, () => mean + noise())
  const found = changePoints([...level(20, 100), ...level(15, 90), ...level(25, 97), ...level(10, 80)])
  expect(found.map(({ index }) => index)).toEqual([20, 35, 60])
  for (const { p } of found) expect(p).toBeLessThanOrEqual(0.01)
})

test.for([8, 20, 60])(
  'without a change, one is seen in at most one of fifty series of %d, whatever the noise',
  (n) => {
    const [normal, uniform] = [normalNoise(52), uniformNoise(53)]
    const runs = 500
    for (const draw of [normal, uniform, () => Math.sinh(2 * normal())]) {
      let wrong = 0
      for (let run = 0; run < runs; run++)
        if (changePoints(Array.from({ length: n }, draw)).length > 0) wrong++
      expect(wrong / runs).toBeLessThanOrEqual(0.02)
    }
  },
)

test('a change of five deviations is found at its place, also after five runs', () => {
  const noise = normalNoise(54)
  let found = 0
  for (let run = 0; run < 100; run++) {
    const values = Array.from({ length: 15 }, (_, index) => (index < 10 ? 100 : 95) + noise())
    const [first, ...others] = changePoints(values)
    if (first?.index === 10 && others.length === 0) found++
  }
  expect(found).toBeGreaterThanOrEqual(95)
})

test('one odd run is none, equal figures have none, and few have none', () => {
  const noise = normalNoise(55)
  const odd = Array.from({ length: 20 }, (_, index) => (index === 12 ? 50 : 100 + noise()))
  expect(changePoints(odd)).toEqual([])
  expect(changePoints(Array<number>(30).fill(7))).toEqual([])
  expect(changePoints([1, 1, 1, 9, 9])).toEqual([])
  expect(changePoints([])).toEqual([])
})

test('the same series has the same change points, and figures must be finite', () => {
  const noise = normalNoise(56)
  const values = Array.from({ length: 40 }, (_, index) => (index < 20 ? 100 : 98) + noise())
  expect(changePoints(values)).toEqual(changePoints(values))
  expect(() => changePoints([1, Number.NaN])).toThrow(RangeError)
})
