import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { plannedTests, secondsLeft, testSeconds } from '../../src/vitest/live/estimate.ts'
import { clock, duration, fit, renderLive } from '../../src/vitest/live/render.ts'
import { type DoneTest, LiveState } from '../../src/vitest/live/state.ts'
import { profile } from '../verdict/fixtures.ts'

const places = new Map([
  ['vm1', 'hypervisor-1'],
  ['vm3', 'hypervisor-2'],
])
const pass = (name: string, seconds = 60): DoneTest => ({ name, mode: 'offload', state: 'PASS', seconds })

/** In the middle of a repetition, 42 s into its test, 11 s into its window. */
function measuring(): LiveState {
  const state = new LiveState(profile, places, 0)
  state.suiteRead('offload', 'a', 4)
  state.suites.push({ mode: 'non-offload', suite: 'a', tests: undefined })
  state.testEnds({ ...pass('IPv4 on one hypervisor'), figure: '9.41 ± 0.12 Gbit/s' })
  state.testEnds({ ...pass('IPv6 on one hypervisor'), state: 'FAIL' })
  state.testBegins('IPv4 between hypervisors', 'offload', 100_000)
  state.take({ kind: 'machines', machines: ['vm3', 'vm1'] }, 100_500)
  state.take({ kind: 'phase', id: 7, name: 'repetition 2 of 3 to 5: iperf3', state: 'begun' }, 131_000)
  state.take({ kind: 'rate', machine: 'vm1', bitsPerSecond: 2.314e9 }, 141_000)
  state.progress = 'repetition 1 (3 to 5): 2.29 Gbit/s'
  return state
}

const frame = { width: 120, rows: 24, color: false }

test('what runs, where, since when, how fast, what is done and what is left', () => {
  expect(renderLive(measuring(), 142_000, frame)).toEqual([
    '─'.repeat(20),
    'now   offload › IPv4 between hypervisors, 0:42',
    '      repetition 2 of 3 to 5: iperf3, 0:11',
    '      vm3 on hypervisor-2, vm1 on hypervisor-1',
    '      last: repetition 1 (3 to 5): 2.29 Gbit/s',
    '      2.31 Gbit/s into vm1',
    'done  1 PASS, 1 FAIL',
    '      PASS      9.41 ± 0.12 Gbit/s  offload › IPv4 on one hypervisor',
    '      FAIL      offload › IPv6 on one hypervisor',
    'left  2 of about 8 tests done in 2:22, about 5 min left (an estimate)',
  ])
})

test('a figure that is old, or of another phase, says nothing about now', () => {
  const state = measuring()
  const figures = (nowMs: number): boolean =>
    renderLive(state, nowMs, frame).join('\n').includes('2.31 Gbit/s')
  expect(figures(144_000)).toBe(true)
  expect(figures(145_000)).toBe(false)
  state.take({ kind: 'phase', id: 7, name: '', state: 'ended' }, 142_000)
  expect(figures(142_000)).toBe(false)
})

test.each([40, 120, 8, 1])('no line is as wide as a terminal of %i columns', (width) => {
  const state = measuring()
  state.testEnds(pass('負荷分散装置を通る流れ、二つの後端 👩‍🔬 à́'.repeat(4)))
  state.testBegins('a name with \u001B[31mcolours\u001B[0m and\na line break', 'offload', 0)
  for (const color of [false, true]) {
    for (const line of renderLive(state, 142_000, { width, rows: 24, color })) {
      expect(line).not.toContain('\n')
      expect(stringWidth(line), line).toBeLessThan(Math.max(2, width))
    }
  }
})

test('however many tests are done, it stays below the height of the terminal, and the last ones are shown', () => {
  const state = measuring()
  for (let number = 1; number <= 200; number++) state.testEnds(pass(`test ${number}`))
  for (const rows of [40, 24, 10, 6, 3, 1]) {
    const lines = renderLive(state, 142_000, { ...frame, rows })
    expect(lines.length, `${rows} rows`).toBeLessThanOrEqual(Math.max(1, rows - 1))
  }
  const text = renderLive(state, 142_000, frame).join('\n')
  expect(text).toContain('test 200')
  expect(text).not.toContain('test 194\n')
  expect(text).toContain('201 PASS, 1 FAIL')
})

test('colour only repeats what the words say', () => {
  const plain = renderLive(measuring(), 142_000, frame)
  const coloured = renderLive(measuring(), 142_000, { ...frame, color: true })
  expect(coloured.join('')).toContain('\u001B[32mPASS\u001B[39m')
  expect(coloured.map(stripVTControlCharacters)).toEqual(plain)
})

test('a text is cut between characters, a wide one not in its middle', () => {
  expect(fit('abc', 3)).toBe('abc')
  expect(fit('abcd', 3)).toBe('ab…')
  expect(fit('日本語', 5)).toBe('日本…')
  expect(fit('日本語', 4)).toBe('日…')
  expect(fit('👩‍🔬👩‍🔬👩‍🔬', 5)).toBe('👩‍🔬👩‍🔬…')
})

test.each([
  [0, '0:00'],
  [61.9, '1:01'],
  [3722, '1:02:02'],
])('%d s is %s', (seconds, text) => expect(clock(seconds)).toBe(text))

test('suites that were not read yet have as many tests as in another mode, or as others', () => {
  const suites = [
    { mode: 'offload', suite: 'a', tests: 4 },
    { mode: 'offload', suite: 'b', tests: undefined },
    { mode: 'non-offload', suite: 'a', tests: undefined },
    { mode: 'non-offload', suite: 'b', tests: 2 },
  ]
  expect(plannedTests(suites)).toEqual({ tests: 12, certain: false })
  expect(plannedTests(suites.map((each) => ({ ...each, tests: 3 })))).toEqual({ tests: 12, certain: true })
})

test('the time left comes from the profile first, then from what was measured; what was skipped took none', () => {
  const state = new LiveState(profile, places, 0)
  state.suites.push({ mode: 'offload', suite: 'a', tests: undefined })
  expect(secondsLeft(state, 0)).toBeUndefined()
  state.suiteRead('offload', 'a', 3)
  // 6 repetitions of 5 + 30 + 2 s, 5 s between them, and what is around
  expect(testSeconds(profile)).toBeCloseTo(6 * 38.5 + 5 * 5 + 4, 6)
  expect(secondsLeft(state, 0)).toBeCloseTo(3 * testSeconds(profile), 6)
  state.testEnds({ ...pass('skipped', 0), state: 'SKIPPED' })
  state.testEnds(pass('first', 100))
  expect(secondsLeft(state, 0)).toBeCloseTo(100, 6)
  state.testBegins('second', 'offload', 10_000)
  expect(secondsLeft(state, 40_000)).toBeCloseTo(70, 6)
  expect(secondsLeft(state, 999_000)).toBe(0)
})

test.each([
  [0, 'less than a minute'],
  [50, 'about 1 min'],
  [5300, 'about 88 min'],
  [5400, 'about 1.5 h'],
])('%d s left are %s', (seconds, text) => expect(duration(seconds)).toBe(text))
