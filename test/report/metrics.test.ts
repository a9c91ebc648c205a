/** Figures beside throughput in the record and in every report of it. */
import { describe, expect, test } from 'vitest'
import { renderJunit } from '../../src/report/junit.ts'
import { parseRecord, type TestResult } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { RunRecorder } from '../../src/report/recorder.ts'
import { renderSummary } from '../../src/report/summary.ts'
import { renderTerminal } from '../../src/report/terminal.ts'
import { judgeMetric, metricOf } from '../../src/verdict/metric.ts'
import { entry, fullRecord, start } from './fixtures.ts'

const plan = {
  profile: { name: 'quick', repetitions: { min: 3, max: 5 }, maxCov: 0.1 },
  mode: 'offload',
  rule: 'interval',
} as const
const loss = metricOf('loss', 'fraction', [0.002, 0.0022, 0.0018])
const verdict = judgeMetric(loss, { key: 'udp_loss', bound: 'at_most', value: 0.0002 }, plan)
const measured = {
  measurement: 'udp at 100 Mbit/s ipv4 vm3 → vm1',
  metrics: [metricOf('received', 'bit/s', [9.99e7, 9.98e7, 9.97e7]), { ...loss, verdict }],
  notes: ['mode offload not proven: nothing was counted'],
}

function record(state: 'FAIL' | 'UNSTABLE' | 'INVALID') {
  const recorder = new RunRecorder(start)
  const result: TestResult = { state: 'assessed', verdict: state, sentences: [verdict.sentence] }
  recorder.test(entry(result, { suite: 'traffic', name: 'UDP | at a rate', metrics: [measured] }))
  return recorder.finish(new Date('2026-11-21T02:20:00.000Z'))
}

describe('figures beside throughput', () => {
  test.each([
    ['FAIL', 1],
    ['UNSTABLE', 4],
    ['INVALID', 3],
  ] as const)('%s ends the run with %i', (state, exitCode) => {
    expect(record(state).outcome.exitCode).toBe(exitCode)
  })

  test('are the same after writing and reading, and a record from before them reads', () => {
    const whole = record('FAIL')
    expect(parseRecord(serialiseRecord(whole), 'run.json')).toEqual(JSON.parse(JSON.stringify(whole)))
    const old = JSON.parse(serialiseRecord(fullRecord())) as { tests: { metrics?: unknown }[] }
    for (const each of old.tests) delete each.metrics
    expect(parseRecord(JSON.stringify(old), 'run.json').tests[0]!.metrics).toEqual([])
  })

  test('stand in a table with interval, bound and verdict, and their notes below', () => {
    const text = renderTerminal(record('FAIL'), { color: false })
    expect(text).toMatch(/received +offload +99\.8 ± 0\.2 Mbit\/s +— +— +3 /)
    expect(text).toMatch(/loss +offload +0\.200 ± 0\.050 % +≤ 0\.02 % +FAIL +3 +10\.0 %/)
    expect(text).toContain('vm3 → vm1: mode offload not proven: nothing was counted')
    const summary = renderSummary(record('FAIL'))
    expect(summary).toContain('| 0.200 ± 0.050 % | ≤ 0.02 % | FAIL | 3 | 10.0 % |')
    expect(summary).toContain('UDP \\| at a rate')
    expect(renderJunit(record('FAIL'))).toContain(
      '<failure message="loss: 0.200 ± 0.050 % &gt; 0.02 % expected',
    )
  })
})
