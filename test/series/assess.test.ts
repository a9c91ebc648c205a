/** Which runs of a series count, and what is wrong with the others. */
import { describe, expect, test } from 'vitest'
import { ConfigError, ConnectionError, DeployError } from '../../src/core/errors.ts'
import type { TestResult } from '../../src/report/record.ts'
import type { RunRecorder, TestEntry } from '../../src/report/recorder.ts'
import { assess } from '../../src/series/assess.ts'
import { entry, results } from '../report/fixtures.ts'
import { measured, recordWith } from './fixtures.ts'

const assessed = (tests: readonly TestEntry[], change?: (recorder: RunRecorder) => void) =>
  assess(recordWith([measured([9, 9]), ...tests], change ? { change } : {}))
const usage = {
  state: 'error',
  error: { code: 'DPBENCH_CONFIG', message: 'no threshold', exitCode: 2 },
} as const
const notMeasured: TestResult = {
  state: 'assessed',
  verdict: 'INVALID',
  sentences: ['no valid figure (offload), n=1: a flow failed'],
}
const pathless = {
  state: 'error',
  error: { code: 'DPBENCH_MEASUREMENT', message: 'no ping', exitCode: 3 },
} as const

describe('a run counts', () => {
  test.each([
    ['measured alone', []],
    [
      'that judged, whatever the verdict',
      [entry(results.pass), entry(results.fail), entry(results.unstable)],
    ],
    ['beside tests that were skipped', [entry(results.skipped)]],
    ['beside a test that failed without measuring', [entry(results.failed)]],
  ])('%s', (_, tests) => expect(assessed(tests)).toEqual({ outcome: 'usable' }))
})

describe('a run does not count', () => {
  test.each([
    ['that is invalid', [entry(results.invalid)], 'invalid', /restarted/],
    ['that measured alone, and nothing valid', [entry(notMeasured)], 'invalid', /a flow failed/],
    ['whose path was not there', [entry(pathless)], 'invalid', /no ping/],
    ['that lost a machine', [entry(results.error)], 'infrastructure', /no route/],
    ['whose config is at fault', [entry(usage)], 'refused', /no threshold/],
  ])('%s', (_, tests, outcome, said) =>
    expect(assessed(tests)).toMatchObject({ outcome, said: expect.stringMatching(said) }),
  )

  test.each<[string, (recorder: RunRecorder) => void, object]>([
    ['that was ended', (recorder) => recorder.interrupted('SIGTERM'), { outcome: 'interrupted' }],
    [
      'that left something behind',
      (recorder) => recorder.leftover('container x'),
      { outcome: 'infrastructure', said: 'left behind: container x' },
    ],
    [
      'whose image does not build',
      (recorder) => recorder.failure('building the image', new DeployError('no')),
      { outcome: 'untestable' },
    ],
    [
      'whose data plane does not start',
      (recorder) => recorder.failure('deploying', new DeployError('no')),
      { outcome: 'infrastructure', code: 'DPBENCH_DEPLOY' },
    ],
    [
      'that reached no hypervisor',
      (recorder) => recorder.failure('connecting', new ConnectionError('no')),
      { outcome: 'infrastructure', code: 'DPBENCH_CONNECTION' },
    ],
    [
      'that was refused',
      (recorder) => recorder.failure('begin', new ConfigError('no')),
      { outcome: 'refused' },
    ],
  ])('%s', (_, change, wanted) => expect(assessed([], change)).toMatchObject(wanted))

  test('that was killed, or in which nothing was measured', () => {
    const { finishedAt: _, ...killed } = recordWith([measured([9, 9])])
    expect(assess(killed)).toMatchObject({ outcome: 'infrastructure', said: 'it was killed before its end' })
    expect(assess(recordWith([entry(results.passed)]))).toMatchObject({ outcome: 'refused' })
  })
})
