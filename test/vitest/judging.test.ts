/** What ends a measurement: a verdict, or in a run that only measures the fewest repetitions. */
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/core/errors.ts'
import { endingOf, judgeAgainst } from '../../src/vitest/judging.ts'
import type { RunContext } from '../../src/vitest/run-context.ts'
import { profile, sampleOf, samplesOf } from '../verdict/fixtures.ts'

function run(changes: object = {}): RunContext {
  const config = {
    measurement: profile,
    expectedThroughput: { offload: { local_vm2vm: 8 }, 'non-offload': {} },
  }
  return {
    mode: 'offload',
    verdictRule: 'interval',
    measureOnly: false,
    config,
    ...changes,
  } as unknown as RunContext
}
const only = run({ measureOnly: true, mode: 'non-offload' })
const steady = (count: number) => samplesOf(...Array.from({ length: count }, () => 9))
const restarted = sampleOf(9, { restarts: [{ machine: 'vm1', what: 'guest', detail: 'another boot' }] })

describe('a run that only measures', () => {
  test('takes the fewest repetitions, without a threshold', () => {
    const next = endingOf(only, 'local_vm2vm')
    expect([0, 1, 5].map((count) => next(steady(count)))).toEqual(['again', 'again', 'again'])
    expect(next(steady(6))).toEqual({})
  })

  test('takes no more of them when they spread, as nothing is to be decided', () => {
    expect(endingOf(only, 'lb')(samplesOf(1, 9, 1, 9, 1, 9))).toEqual({})
  })

  test('ends with the first that is not valid, and says why', () => {
    expect(endingOf(only, 'local_vm2vm')([restarted])).toEqual({
      invalid: expect.stringMatching(
        /^no valid figure \(non-offload\), n=1: repetition 1: guest on vm1 restarted/,
      ),
    })
  })
})

describe('a run that judges', () => {
  test('ends with the verdict', () => {
    expect(endingOf(run(), 'local_vm2vm')(steady(6))).toMatchObject({ verdict: { state: 'PASS' } })
    expect(endingOf(run(), 'local_vm2vm')([restarted])).toMatchObject({
      verdict: { state: 'INVALID' },
      invalid: expect.stringContaining('restarted'),
    })
  })

  test('without a threshold it is the config that is at fault, before anything is measured', () => {
    const missing = run({ mode: 'non-offload' })
    expect(() => endingOf(missing, 'local_vm2vm')).toThrow(ConfigError)
    expect(() => judgeAgainst(steady(6), missing, 'nat')).toThrow(
      'the config expects nothing of nat in mode non-offload: write "nat" into expected_throughput.sw, or have it found by `npx dpbench calibrate`',
    )
  })
})

describe('without a data plane', () => {
  const plain = run({
    mode: 'plain',
    config: { measurement: profile, expectedThroughput: { plain: { local_vm2vm: 8 } } },
  })

  test('a threshold of the config, or of the suite, decides, and no mode is spoken of', () => {
    expect(endingOf(plain, 'local_vm2vm', false)(steady(6))).toMatchObject({ verdict: { state: 'PASS' } })
    const own = { gbitPerSecond: 10, name: 'routed' }
    expect(endingOf(plain, own)(steady(6))).toMatchObject({ verdict: { state: 'FAIL' } })
    const verdict = judgeAgainst(steady(6), plain, own)
    expect(verdict.sentence).toMatch(/< 10 expected \(routed\)/)
    expect(verdict).toMatchObject({ mode: undefined, expected: { bitsPerSecond: 1e10, key: 'routed' } })
    expect(judgeAgainst(steady(6), plain, { gbitPerSecond: 1 }).expected.key).toBe('own')
  })

  test('nothing has to be expected, but what a suite asks for', () => {
    expect(endingOf(plain, 'remote_vm2vm', false)(steady(6))).toEqual({})
    expect(() => endingOf(plain, 'remote_vm2vm')).toThrow(
      /write "remote_vm2vm" into expected_throughput\.plain/,
    )
    expect(() => endingOf(plain, { gbitPerSecond: 0 })).toThrow(/gbitPerSecond is 0: write the throughput/)
  })
})
