/** Causes beside a verdict, in every report: where it is not PASS. */
import { expect, test } from 'vitest'
import { judge } from '../../src/verdict/decide.ts'
import { parseRecord } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { renderJunit } from '../../src/report/junit.ts'
import { renderSummary } from '../../src/report/summary.ts'
import { renderTerminal } from '../../src/report/terminal.ts'
import type { Sample } from '../../src/verdict/sample.ts'
import { planFor, samplesOf } from '../verdict/fixtures.ts'
import { recordOf } from './fixtures.ts'

const counters: Sample['counters'] = [
  {
    machine: 'hypervisor-2',
    role: 'hypervisor',
    ends: ['receiver'],
    seconds: 38,
    cores: [
      { core: 3, busy: 0.99, user: 0.1, system: 0.1, softirq: 0.79, irq: 0, steal: 0, busyAtRest: 0.02 },
    ],
    softirqs: { NET_RX: 12 },
    interfaces: [],
    tcp: { segmentsSent: 10, segmentsRetransmitted: 1 },
    cpuSeries: { startMs: 1, points: [[1, 0.99]] },
  },
]
const measured = samplesOf(9.4, 9.41, 9.42, 9.4, 9.41, 9.42).map((sample) => ({ ...sample, counters }))
const why =
  'why: core 3 of hypervisor-2 (hypervisor of the receiver) was 99.0 % busy in repetition 1, mostly in softirqs'

function reports(expected: number): string[] {
  const record = recordOf({ state: 'judged', verdict: judge(measured, planFor(expected)) })
  return [renderTerminal(record, { color: false }), renderSummary(record), renderJunit(record)]
}

test('FAIL: terminal, summary and JUnit say why', () => {
  for (const text of reports(20)) expect(text).toContain(why)
})

test('PASS: the record alone has it', () => {
  for (const text of reports(8)) expect(text).not.toContain('why:')
  expect(judge(measured, planFor(8)).why).toHaveLength(1)
})

test('counters and causes come back from a record as they went in', () => {
  const record = recordOf({ state: 'judged', verdict: judge(measured, planFor(20)) })
  const withSamples = { ...record, tests: record.tests.map((each) => ({ ...each, repetitions: measured })) }
  const [back] = parseRecord(serialiseRecord(withSamples), 'run.json').tests
  expect(back?.repetitions[0]?.counters).toEqual(counters)
  expect(back?.result).toEqual(withSamples.tests[0]!.result)
})
