/** A run with every kind of result. */
import { judge } from '../../src/verdict/decide.ts'
import { RunRecorder, type RunStart, type TestEntry } from '../../src/report/recorder.ts'
import type { RunRecord, TestResult } from '../../src/report/record.ts'
import { planFor, profile, sampleOf, samplesOf } from '../verdict/fixtures.ts'

export const start: RunStart = {
  runId: '20261121-020000-a1b2',
  startedAt: '2026-11-21T02:00:00.000Z',
  dpbenchVersion: '0.1.0',
  commandLine: ['dpbench', 'run', '--mode', 'both'],
  options: { mode: 'both', stage: 'cicd' },
  stage: 'cicd',
  modes: ['offload', 'non-offload'],
  profile,
  rule: 'interval',
  config: {
    file: 'config/lab.json',
    name: 'lab',
    content: { key_file: '~/.ssh/id_ed25519', hypervisors: [] },
  },
}

export const notice = 'softplane stands in for dpservice: its figures say nothing about dpservice'

const local = 'IPv4 on one hypervisor'
const remote = 'IPv6 between hypervisors'

export const results = {
  pass: judged([9.4, 9.41, 9.42, 9.4, 9.41, 9.42], 8, 'offload'),
  outlier: judged([1.9, 1.91, 1.9, 1.89, 1.9, 1.85], 1.5, 'non-offload'),
  fail: judged([7.1, 7.2, 7.15, 7.2, 7.1, 7.15], 8, 'offload'),
  unstable: judged([2, 1, 3, 2, 1, 3, 2, 1, 3, 2], 2, 'non-offload'),
  invalid: judged([9, 9], 8, 'offload', {
    restarts: [{ machine: 'hypervisor-1', what: 'container dpservice', detail: 'exited' }],
  }),
  error: {
    state: 'error',
    error: {
      code: 'DPBENCH_CONNECTION',
      message: 'hypervisor-2: no route\n  because: ENETUNREACH',
      exitCode: 3,
    },
  },
  skipped: { state: 'skipped', reason: 'the config has no load balancer' },
  passed: { state: 'passed' },
  failed: { state: 'failed', message: 'expected 2 back ends, saw 1' },
} as const satisfies Record<string, TestResult>

export function judged(gbits: readonly number[], expected: number, mode: string, changes = {}): TestResult {
  const share = mode === 'offload' ? 0.003 : 0.99
  const modeEvidence = {
    state: 'proven',
    detail: `a share of ${share} in software`,
    softwareShare: share,
  } as const
  const samples = gbits.map((gbit, index) =>
    sampleOf(gbit, { repetition: index + 1, modeEvidence, ...changes }),
  )
  return { state: 'judged', verdict: judge(samples, planFor(expected, { mode })) }
}

export function entry(result: TestResult, changes: Partial<TestEntry> = {}): TestEntry {
  return {
    suite: 'vm2vm',
    name: local,
    mode: 'offload',
    scenario: 'remote_vm2vm',
    startedAt: '2026-11-21T02:01:00.000Z',
    durationMs: 61_234,
    result,
    ...changes,
  }
}

/** All verdicts, an error outside of tests, a leftover. */
export function fullRecord(): RunRecord {
  const recorder = new RunRecorder({ ...start, tag: 'nightly' })
  recorder.notice(notice)
  recorder.notice(notice)
  recorder.machine({ name: 'builder', role: 'controller', kernel: '6.18.44', tools: { dpbench: '0.1.0' } })
  recorder.machine({ name: 'hypervisor-1', role: 'hypervisor', kernel: '6.18.44' })
  recorder.machine({
    name: 'hypervisor-1',
    role: 'hypervisor',
    offloads: { enp1s0: { 'tcp-segmentation-offload': true } },
  })
  recorder.dataPlane({
    machine: 'hypervisor-1',
    mode: 'offload',
    image: 'registry:5000/softplane:dev',
    digest: 'sha256:ab',
    version: 'softplane 1',
  })
  recorder.test(entry(results.pass, { repetitions: samplesOf(9.4, 9.41) }))
  recorder.test(entry(results.fail, { name: remote }))
  recorder.test(entry(results.invalid, { name: 'IPv4 with a <name> & "quotes" | pipe' }))
  recorder.test(entry(results.error, { suite: 'nat', name: 'through a NAT' }))
  recorder.test(entry(results.skipped, { suite: 'lb', name: 'balanced' }))
  recorder.test(entry(results.outlier, { mode: 'non-offload', startedAt: '2026-11-21T02:09:00.000Z' }))
  recorder.test(
    entry(results.unstable, { name: remote, mode: 'non-offload', startedAt: '2026-11-21T02:10:00.000Z' }),
  )
  recorder.failure('clean-up of hypervisor-2', new Error('\u001b[31mcontainer is gone\u001b[0m'))
  recorder.leftover('container dpbench-a1b2 on hypervisor-2')
  return recorder.finish(new Date('2026-11-21T02:20:00.000Z'))
}

/** A run with these results and nothing else. */
export function recordOf(...list: readonly TestResult[]): RunRecord {
  const recorder = new RunRecorder(start)
  list.forEach((result, index) => recorder.test(entry(result, { name: `test ${index + 1}` })))
  return recorder.finish(new Date('2026-11-21T02:20:00.000Z'))
}
