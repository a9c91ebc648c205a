import { expect, test } from 'vitest'
import { judgeMode, packetsOf } from '../../src/verdict/mode-evidence.ts'
import { flow } from './fixtures.ts'

const handled = (...packets: number[]) => packets.map((count, at) => ({ place: `at ${at}`, packets: count }))

test.for([
  ['offload', 50, 'proven'],
  ['offload', 51, 'disproven'],
  ['offload', 1000, 'disproven'],
  ['non-offload', 900, 'proven'],
  ['non-offload', 899, 'disproven'],
  ['non-offload', 0, 'disproven'],
] as const)('%s with %d of 1000 packets in software is %s', ([mode, packets, state]) => {
  expect(judgeMode(mode, 1000, handled(packets)).state).toBe(state)
})

test('the place that speaks most against the mode decides, and all are told', () => {
  const offload = judgeMode('offload', 10_000, handled(10, 9000))
  expect(offload).toMatchObject({ state: 'disproven', softwareShare: 0.9 })
  expect(offload.detail).toBe(
    'of 10,000 packets the software path handled 0.1 % at 0 (10), 90.0 % at 1 (9,000); 5.0 % is the most',
  )
  expect(judgeMode('non-offload', 10_000, handled(10, 9000))).toMatchObject({
    state: 'disproven',
    softwareShare: 0.001,
  })
})

test('what was sent again is no more than all', () => {
  expect(judgeMode('non-offload', 1000, handled(1012))).toMatchObject({ state: 'proven', softwareShare: 1 })
})

test('too few packets, and nothing counted, show nothing', () => {
  expect(judgeMode('offload', 999, handled(0))).toMatchObject({ state: 'unknown' })
  expect(judgeMode('offload', 0, handled(0))).toMatchObject({ state: 'unknown' })
  expect(judgeMode('non-offload', 5000, [])).toMatchObject({ state: 'unknown' })
})

test("packets are the receivers' bytes over the whole run in segments, of the path's size where iperf3 tells none", () => {
  const bytes = (1448e4 / 8) * 37
  expect(packetsOf([flow('flow 1', 1448e4)], 1)).toBe(bytes / 1448)
  expect(packetsOf([flow('flow 1', 1448e4, { mss: undefined })], 1000)).toBe(bytes / 1000)
  expect(packetsOf([flow('flow 1', 1448e4), flow('flow 2', 1448e4)], 1)).toBe((2 * bytes) / 1448)
  expect(packetsOf([flow('flow 1', 1448e4, { receiver: undefined })], 1)).toBe(0)
})
