/** Figures beside throughput against what is expected of them, in both directions. */
import { describe, expect, test } from 'vitest'
import { formatBound, formatFigure } from '../../src/verdict/figure-format.ts'
import { judgeMetric, metricOf } from '../../src/verdict/metric.ts'

const plan = {
  profile: { name: 'custom', repetitions: { min: 3, max: 5 }, maxCov: 0.05 },
  mode: 'offload',
  rule: 'interval',
} as const
const judged = (
  values: readonly number[],
  bound: 'at_least' | 'at_most',
  value: number,
  rule: 'interval' | 'mean' = 'interval',
) => judgeMetric(metricOf('loss', 'fraction', values), { key: 'udp_loss', bound, value }, { ...plan, rule })

describe('a figure', () => {
  test.each([
    ['at_most', 0.005, 'PASS'],
    ['at_most', 0.0002, 'FAIL'],
    ['at_least', 0.0002, 'PASS'],
    ['at_least', 0.005, 'FAIL'],
    ['at_most', 0.0021, 'UNSTABLE'],
    ['at_least', 0.0019, 'UNSTABLE'],
  ] as const)('%s %d: %s', (bound, value, state) => {
    expect(judged([0.002, 0.0022, 0.0018], bound, value).state).toBe(state)
  })

  test('says its sentence with figure, interval, bound, mode and deviation', () => {
    expect(judged([0.002, 0.0022, 0.0018], 'at_most', 0.005).sentence).toBe(
      'loss: 0.200 ± 0.050 % ≤ 0.5 % expected (offload, udp_loss): -60.0 %, n=3, CoV 10.0 %',
    )
    expect(judged([0.002, 0.0022, 0.0018], 'at_most', 0.0002).sentence).toContain(
      '0.200 ± 0.050 % > 0.02 % expected',
    )
    expect(judged([0.002], 'at_most', 0.005).sentence).toMatch(/against 0\.5 % .*measure at least 2/)
  })

  test('none of which is lost keeps to a bound of nothing', () => {
    expect(judged([0, 0, 0], 'at_most', 0).state).toBe('PASS')
    expect(judged([0, 0, 0.01], 'at_most', 0).state).toBe('UNSTABLE')
  })

  test('by the mean alone, when that is asked for', () => {
    expect(judged([0.002, 0.0022, 0.0018], 'at_most', 0.0021, 'mean').state).toBe('PASS')
    expect(judged([0.003], 'at_most', 0.0021, 'mean').state).toBe('FAIL')
  })
})

test('figures of every unit', () => {
  expect(formatFigure(9.41e9, 0.12e9, 'bit/s')).toBe('9.41 ± 0.12 Gbit/s')
  expect(formatFigure(89.1e6, null, 'bit/s')).toBe('89.1 Mbit/s')
  expect(formatFigure(84.2e-6, 0.04e-6, 's')).toBe('84.20 ± 0.04 µs')
  expect(formatFigure(412_345, 9000, 'packets/s')).toBe('412 ± 9 kpackets/s')
  expect(formatFigure(0, 0, 'fraction')).toBe('0.00 ± 0.00 %')
  expect(formatBound(8e9, 'bit/s')).toBe('8 Gbit/s')
  expect(formatBound(0.0035, 's')).toBe('3.5 ms')
  expect(formatBound(0, 'fraction')).toBe('0 %')
})
