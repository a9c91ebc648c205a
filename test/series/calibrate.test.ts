/** From runs to thresholds: the bound, the least of several tests, what is said of runs that look wrong, provenance. */
import { describe, expect, test } from 'vitest'
import { DpbenchError } from '../../src/core/errors.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { calibrationOf, withCalibration } from '../../src/series/calibrate/provenance.ts'
import { calibrationLines, refusals } from '../../src/series/calibrate/report.ts'
import {
  type CalibratedThreshold,
  calibrate,
  quarantinedLines,
  roundedDown,
} from '../../src/series/calibrate/thresholds.ts'
import { nextStep } from '../../src/verdict/decide.ts'
import { entry } from '../report/fixtures.ts'
import { normalNoise, planFor, profile, samplesOf } from '../verdict/fixtures.ts'
import { measured, recordWith } from './fixtures.ts'

/** One run per mean, whose repetitions lie `spread` below, at and above it. */
function runs(means: readonly number[], spread = 0, changes = {}): RunRecord[] {
  return means.map((mean, index) =>
    recordWith([measured([mean - spread, mean, mean + spread], changes)], { runId: `run-${index}` }),
  )
}

const none = { offload: {}, 'non-offload': {} }
const only = (records: readonly RunRecord[], old = {}): CalibratedThreshold =>
  calibrate(records, { ...none, ...old })[0]!
const said = (threshold: CalibratedThreshold): string =>
  threshold.tests
    .flatMap(({ warnings }) => warnings)
    .concat(threshold.warnings)
    .join('\n')

/** Mean 9.45, standard deviation 0.3028; k for ten runs is 2.911. */
const ten = [9.5, 9.0, 9.6, 9.1, 9.9, 9.3, 9.8, 9.2, 9.7, 9.4]

describe('calibrate', () => {
  test('the bound is mean − 2.911·s of ten runs, rounded down to three digits', () => {
    const threshold = only(runs(ten))
    expect(threshold).toMatchObject({ mode: 'offload', key: 'local_vm2vm', old: undefined })
    expect(threshold.deciding.bound / 1e9).toBeCloseTo(9.45 - 2.911 * 0.30277, 3)
    expect(threshold.deciding.room).toBe(0)
    expect(threshold.value).toBe(8.56)
  })

  test('the spread within the runs takes its room, as the whole interval of a verdict must reach the threshold', () => {
    const { deciding, value } = only(runs(ten, 0.2))
    // half of the interval of 10 repetitions that may decide at last: t(0.98, 9) = 2.3984; s = 0.2
    expect(deciding.room / 1e9).toBeCloseTo((2.3984 * 0.2) / Math.sqrt(10), 3)
    expect(value).toBe(8.41)
    const meanRule = runs(ten, 0.2).map((record) => ({ ...record, rule: 'mean' as const }))
    expect(only(meanRule).value).toBe(8.56)
  })

  test('runs like those that were measured then pass: at least 95 of 100', () => {
    const noise = normalNoise(7)
    const run = (count: number): number[] => {
      const mean = 9 + 0.1 * noise()
      return Array.from({ length: count }, () => mean + 0.2 * noise())
    }
    const calibrated = Array.from({ length: 40 }, (_, series) => {
      const records = Array.from({ length: 10 }, (_, index) =>
        recordWith([measured(run(profile.repetitions.min))], { runId: `${series}-${index}` }),
      )
      const plan = planFor(only(records).value!)
      return Array.from({ length: 50 }, () => {
        const all = samplesOf(...run(profile.repetitions.max))
        for (let count = 1; ; count++) {
          const step = nextStep(all.slice(0, count), plan)
          if (step !== 'again') return step.state
        }
      })
    }).flat()
    const passed = calibrated.filter((state) => state === 'PASS').length
    expect(passed / calibrated.length).toBeGreaterThan(0.95)
    expect(passed).toBeLessThanOrEqual(calibrated.length)
  })

  test('tests that share a threshold: the least of their bounds', () => {
    const records = ten.map((mean, index) =>
      recordWith(
        [
          measured([mean, mean]),
          measured([mean - 2, mean - 2], { name: 'IPv6 on one hypervisor' }),
          measured([5, 5], { name: 'IPv4 between hypervisors', scenario: 'remote_vm2vm' }),
          measured([3, 3], { mode: 'non-offload' }),
        ],
        { runId: `run-${index}` },
      ),
    )
    const found = calibrate(records, { ...none, offload: { local_vm2vm: 6.5 } })
    expect(
      found.map(({ mode, key, value, old, deciding }) => [mode, key, value, old, deciding.scenario.test]),
    ).toEqual([
      ['offload', 'local_vm2vm', 6.56, 6.5, 'IPv6 on one hypervisor'],
      ['offload', 'remote_vm2vm', 5, undefined, 'IPv4 between hypervisors'],
      ['non-offload', 'local_vm2vm', 3, undefined, 'IPv4 on one hypervisor'],
    ])
    expect(calibrationLines(found).join('\n')).toMatch(/IPv6 on one hypervisor .* 6\.57 {2}← the least/)
  })

  test('fewer than ten runs are refused, with how many there are', () => {
    expect(() => only(runs(ten.slice(1)))).toThrow(DpbenchError)
    expect(() => only(runs(ten.slice(1)))).toThrow(/IPv4 on one hypervisor \(offload\): 9; measure more/)
    // one test that some runs did not have
    const uneven = [...runs(ten), recordWith([measured([1, 1], { name: 'other' })])]
    expect(() => only(uneven)).toThrow(/other \(offload\): 1/)
  })

  test('a test in quarantine sets no threshold, until its day', () => {
    const inQuarantine = (expired: boolean): RunRecord[] => {
      const quarantine = { issue: 'https://x/1', until: '2026-12-01', expired }
      const slow = measured([1, 1], { name: 'slow', quarantine })
      return ten.map((mean) => recordWith([measured([mean, mean]), slow]))
    }
    expect(only(inQuarantine(false)).value).toBe(8.56)
    expect(quarantinedLines(inQuarantine(false))).toEqual([
      'left out, as they are in quarantine: slow (offload)',
    ])
    expect(only(inQuarantine(true)).value).toBe(1)
    expect(quarantinedLines(inQuarantine(true))).toEqual([])
  })

  test('stored runs that were judged count with their figures, those that are invalid do not', () => {
    const verdict = { state: 'judged', verdict: nextStep(samplesOf(9, 9, 9, 9, 9, 9), planFor(1)) }
    const judged = recordWith([
      entry(verdict as never, { name: 'IPv4 on one hypervisor', scenario: 'local_vm2vm' }),
    ])
    expect(only([...runs(ten.slice(1)), judged]).deciding.statistics.n).toBe(10)
  })

  test.each([
    [
      'a drift',
      [9.1, 9.0, 9.2, 9.15, 9.05, 9.6, 9.5, 9.7, 9.65, 9.55],
      0,
      /the later half of the runs is \+5\.5 % off the earlier \(p=0\.008\)/,
    ],
    [
      'runs that differ',
      [9, 7, 10, 8, 9, 7, 10, 8, 9, 7],
      0,
      /the runs differ by 14\.\d %, more than profile default allows/,
    ],
    ['spread within a run', ten, 1, /in 10 of 10 runs the repetitions spread by more than the 5\.0 %/],
    [
      'two groups',
      [9, 9, 9, 9, 9, 7, 7, 7, 7, 7],
      0.01,
      /two groups, 15 about 7\.00 and 15 about 9\.00 Gbit\/s/,
    ],
    [
      'one far from the others',
      [9, 9.01, 9.02, 8.99, 9, 9.01, 7, 9.02, 8.98, 9],
      0,
      /far from the others, and counted: run 7 with 7\.00 Gbit\/s/,
    ],
  ])('%s is said', (_, means, spread, warning) => {
    expect(said(only(runs(means, spread)))).toMatch(warning)
    expect(said(only(runs(ten)))).not.toMatch(warning)
  })

  test('less than the config has is said', () => {
    expect(said(only(runs(ten), { offload: { local_vm2vm: 20 } }))).toMatch(/8\.56 is 57\.2 % below the 20/)
    expect(said(only(runs(ten), { offload: { local_vm2vm: 8.9 } }))).toBe('')
  })

  test('a bound that is not above 0 gives no threshold, and says what to do', () => {
    const found = calibrate(runs([9, 1, 9, 1, 9, 1, 9, 1, 9, 1]), none)
    expect(found[0]!.value).toBeUndefined()
    expect(refusals(found)).toEqual([
      expect.stringMatching(
        /^local_vm2vm \(offload\) gets no threshold: .* not above 0, .* quieten the machines, measure longer/,
      ),
    ])
    expect(refusals(calibrate(runs(ten), none))).toEqual([])
  })
})

describe('roundedDown', () => {
  test.each([
    [9.4199e9, 9.41],
    [118.7e9, 118],
    [0.34567e9, 0.345],
    [8e9, 8],
    [0.0019e9, 0.0019],
    [8.2e9, 8.2],
    [1.1e9, 1.1],
    [0.0004e9, undefined],
    [-3e9, undefined],
    [0, undefined],
  ])('%d → %s', (bitsPerSecond, wanted) => expect(roundedDown(bitsPerSecond)).toBe(wanted))
})

describe('provenance', () => {
  const empty = { calibration_version: 1 as const, thresholds: {}, calibrations: {} }
  const records = runs(ten) as [RunRecord, ...RunRecord[]]
  const made = (at: string) => calibrationOf(records, { at, unusable: 2 })
  const found = calibrate(records, none).map((each) => ({ ...each, value: each.value! }))

  test('says which hosts, images, tools, runs and how many', () => {
    expect(made('2026-11-21')).toMatchObject({
      at: '2026-11-21',
      hosts: [{ name: 'hypervisor-1', kernel: '6.18', cpu: 'a CPU' }],
      dataPlanes: [{ image: 'softplane:1', digest: 'sha256:a', version: 'softplane 1' }],
      tools: ['iperf 3.12'],
      runs: ten.map((_, index) => `run-${index}`),
      unusable: 2,
      content: 0.95,
      confidence: 0.95,
    })
  })

  test('keeps what other thresholds come from, and nothing that none comes from', () => {
    const first = withCalibration(empty, '', found, made('first'))
    expect(first.thresholds['']!['hw']!['local_vm2vm']).toMatchObject({
      value: 8.56,
      n: 10,
      calibration: 'first',
    })
    const elsewhere = withCalibration(first, 'prod', found, made('second'))
    expect(Object.keys(elsewhere.calibrations)).toEqual(['first', 'second'])
    const again = withCalibration(elsewhere, '', found, made('third'))
    expect(Object.keys(again.calibrations)).toEqual(['second', 'third'])
    const other = [{ ...found[0]!, key: 'nat' }]
    expect(Object.keys(withCalibration(again, '', other, made('fourth')).calibrations)).toEqual([
      'second',
      'third',
      'fourth',
    ])
  })
})
