/** Tests that are known to fail: excused until a day, and shown everywhere. */
import { describe, expect, test } from 'vitest'
import { renderJunit } from '../../src/report/junit.ts'
import { quarantineOf, quarantineSentence } from '../../src/report/quarantine.ts'
import { RunRecorder } from '../../src/report/recorder.ts'
import { type RunRecord, type TestResult, parseRecord } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { renderSummary } from '../../src/report/summary.ts'
import { renderTerminal } from '../../src/report/terminal.ts'
import { unknownNames } from '../../src/vitest/quarantined-names.ts'
import { entry, results, start } from './fixtures.ts'

const issue = 'https://issues.example/42'
const holds = { issue, until: '2026-12-31', reason: 'known', expired: false }
const ended = { ...holds, until: '2026-11-20', expired: true }

function recordOf(result: TestResult, quarantine = holds): RunRecord {
  const recorder = new RunRecorder(start)
  recorder.test(entry(results.pass, { name: 'another' }))
  recorder.test(entry(result, { quarantine }))
  return recorder.finish(new Date('2026-11-21T02:20:00.000Z'))
}

describe('the run', () => {
  test.for([
    ['fail', results.fail],
    ['unstable', results.unstable],
    ['invalid', results.invalid],
    ['failed', results.failed],
    [
      'nothing measured',
      { state: 'error', error: { code: 'DPBENCH_MEASUREMENT', message: 'no', exitCode: 3 } } as const,
    ],
  ] as const)('is not failed by a test in quarantine: %s', ([, result]) => {
    expect(recordOf(result).outcome).toEqual({
      exitCode: 0,
      counts: { passed: 1, failed: 0, unstable: 0, invalid: 0, errors: 0, skipped: 0, quarantined: 1 },
    })
  })

  test('is failed again after the day', () => {
    const { outcome } = recordOf(results.fail, ended)
    expect(outcome).toMatchObject({ exitCode: 1, counts: { failed: 1 } })
    expect(outcome.counts).not.toHaveProperty('quarantined')
  })

  test('is failed by what is no bug of the scenario: machines that are not there, a wrong config', () => {
    expect(recordOf(results.error).outcome.exitCode).toBe(3)
    const usage = { code: 'DPBENCH_CONFIG', message: 'x', exitCode: 2 }
    expect(recordOf({ state: 'error', error: usage }).outcome.exitCode).toBe(2)
  })

  test('keeps it in the record, which reads back', () => {
    const record = recordOf(results.fail)
    expect(parseRecord(serialiseRecord(record), 'x').tests[1]!.quarantine).toEqual(holds)
  })
})

describe('every report shows it', () => {
  const failing = recordOf(results.fail)

  test('the terminal', () => {
    const text = renderTerminal(failing, { color: false })
    expect(text).toMatch(/FAIL \(quarantined\)/)
    expect(text).toContain(`    quarantined until 2026-12-31: ${issue} (known)`)
    expect(text).toContain('1 passed, 1 quarantined; exit code 0')
  })

  test('JUnit, as skipped with the reason', () => {
    const xml = renderJunit(failing)
    expect(xml).toContain('failures="0" errors="0" skipped="1"')
    expect(xml).toMatch(
      /<skipped message="quarantined until 2026-12-31: https:\/\/issues\.example\/42 \(known\); FAIL: 7\.150/,
    )
    expect(renderJunit(recordOf(results.fail, ended))).toContain('failures="1" errors="0" skipped="0"')
  })

  test('the summary', () => {
    const summary = renderSummary(failing)
    expect(summary).toContain('**FAIL** (quarantined)')
    expect(summary).toContain('quarantined until 2026-12-31')
  })

  test('one that passes can leave it', () => {
    const passing = recordOf(results.pass)
    for (const report of [
      renderTerminal(passing, { color: false }),
      renderSummary(passing),
      renderJunit(passing),
    ])
      expect(report).toContain('passes, and can leave quarantine (until 2026-12-31)')
    expect(passing.outcome).toMatchObject({ exitCode: 0, counts: { passed: 2 } })
  })

  test('one that ended says so, one that was skipped says nothing', () => {
    expect(renderTerminal(recordOf(results.fail, ended), { color: false })).toContain(
      `its quarantine ended on 2026-11-20: ${issue}`,
    )
    expect(quarantineSentence({ result: results.skipped, quarantine: holds })).toBeUndefined()
  })
})

describe('the entry of a test', () => {
  const place = { name: 'NAT, 1 flow', mode: 'offload', scenario: 'nat' }
  const of = (changes: object, startedAt = '2026-11-21T23:59:59Z') =>
    quarantineOf([{ issue, until: '2026-11-21', test: 'NAT, 1 flow', ...changes }], place, startedAt)

  test('is by test or scenario, and by mode', () => {
    expect(of({})).toEqual({ issue, until: '2026-11-21', expired: false })
    expect(of({ mode: 'offload' })).toBeDefined()
    expect(of({ mode: 'non-offload' })).toBeUndefined()
    expect(of({ test: 'other' })).toBeUndefined()
    expect(of({ test: undefined, scenario: 'nat' })).toBeDefined()
    expect(of({ test: undefined, scenario: 'lb' })).toBeUndefined()
  })

  test('holds to the end of its day', () => {
    expect(of({})?.expired).toBe(false)
    expect(of({}, '2026-11-22T00:00:00Z')?.expired).toBe(true)
  })

  test('of several the one that lasts longest', () => {
    const entries = ['2026-01-01', '2026-12-01', '2026-02-01'].map((until) => ({
      test: place.name,
      issue,
      until,
    }))
    expect(quarantineOf(entries, place, '2026-11-21T00:00:00Z')).toMatchObject({
      until: '2026-12-01',
      expired: false,
    })
  })
})

test('a name that no suite has is a fault, with the one that was meant; names of parts match', () => {
  const sources = ['NAT, 1 flow', '${name} on one hypervisor', 'sent by %s']
  expect(unknownNames(['NAT, 1 flow', 'IPv6 on one hypervisor', 'sent by UDP'], sources)).toEqual([])
  expect(unknownNames(['NAT, 1 flwo', 'IPv4 on one hypervisr', 'x'], sources)).toEqual([
    '"NAT, 1 flwo": did you mean "NAT, 1 flow"?',
    '"IPv4 on one hypervisr": did you mean "IPv4 on one hypervisor"?',
    '"x": the tests are NAT, 1 flow; … on one hypervisor; sent by …',
  ])
})
