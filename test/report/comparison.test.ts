/** Runs against each other: which figures meet, what must be alike, and how the comparison reads. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { baselineOf, parseBaseline, serialiseBaseline } from '../../src/report/baseline.ts'
import { compareSides, sideOf } from '../../src/report/comparison.ts'
import { comparisonMarkdown, comparisonText } from '../../src/report/comparison-view.ts'
import { figuresOf } from '../../src/report/figures.ts'
import { differencesOf, traitsOfRun } from '../../src/report/likeness.ts'
import { RunRecorder } from '../../src/report/recorder.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { metricOf } from '../../src/verdict/metric.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { samplesOf } from '../verdict/fixtures.ts'
import { entry, fullRecord, judged, start } from './fixtures.ts'

const steady = [9.4, 9.41, 9.42, 9.39, 9.38]

interface Changes {
  readonly gbits?: readonly number[]
  readonly mode?: string
  readonly kernel?: string
  readonly flows?: number
  readonly tool?: string
  readonly config?: object
  readonly image?: string
}

/** A run of one scenario on a machine. */
function runOf({
  gbits = steady,
  mode = 'offload',
  kernel = '6.12',
  flows = 3,
  ...changes
}: Changes = {}): RunRecord {
  const content = { concurrentFlowCount: flows, hypervisors: [{ name: 'hypervisor-1' }], ...changes.config }
  const recorder = new RunRecorder({ ...start, config: { name: 'lab', content } })
  recorder.machine({ name: 'hypervisor-1', role: 'hypervisor', kernel, memoryBytes: 16.2 * 2 ** 30 })
  recorder.machine({ name: 'builder', role: 'controller', kernel: `of ${Math.random()}` })
  recorder.dataPlane({ machine: 'hypervisor-1', image: changes.image ?? 'a:1', version: 'dpservice 1' })
  const repetitions = samplesOf(...gbits).map((sample) => ({ ...sample, tool: changes.tool ?? 'iperf 3.12' }))
  recorder.test(entry(judged(gbits, 8, mode), { mode, repetitions }))
  return recorder.finish(new Date('2026-11-21T02:20:00.000Z'))
}

const slower = steady.map((gbit) => gbit * 0.9)
const compared = (before: RunRecord[], after: RunRecord[]) =>
  compareSides(sideOf('before', before), sideOf('after', after))

describe('the figures of a run', () => {
  test('are those of valid tests, by mode', () => {
    const figures = figuresOf(fullRecord())
    expect(figures.map(({ test: name, mode }) => `${name} ${mode}`)).toEqual([
      'IPv4 on one hypervisor offload',
      'IPv6 between hypervisors offload',
      'IPv4 on one hypervisor non-offload',
      'IPv6 between hypervisors non-offload',
    ])
    expect(figures[0]).toMatchObject({
      figure: 'throughput',
      unit: 'bit/s',
      better: 'higher',
      tool: 'iperf 3.12',
    })
    expect(figures[0]!.values[0]).toBeCloseTo(9.4e9)
  })

  test('are of metrics as well, which are better high or low', () => {
    const recorder = new RunRecorder(start)
    const metrics = [metricOf('loss', 'fraction', [0.1, 0.2]), metricOf('packets', 'packets/s', [5, 6])]
    recorder.test(entry({ state: 'passed' }, { metrics: [{ measurement: 'udp', metrics, notes: [] }] }))
    expect(figuresOf(recorder.finish()).map(({ figure, better }) => [figure, better])).toEqual([
      ['udp: loss', 'lower'],
      ['udp: packets', 'higher'],
    ])
  })
})

describe('runs are alike', () => {
  test('whatever image, thresholds, addresses and controller are', () => {
    const config = { expectedThroughput: { offload: { local_vm2vm: 1 } }, keyFile: '/elsewhere' }
    expect(compared([runOf()], [runOf({ image: 'b:2', config })]).unlike).toEqual([])
  })

  test.for<[string, Changes, string]>([
    ['machines', { kernel: '6.18' }, 'hosts: hypervisor-1 kernel: 6.12 → 6.18'],
    ['configurations', { flows: 4 }, 'config: flow count: 3 → 4'],
    ['tools', { tool: 'iperf 3.16' }, 'tools: iperf 3.12 → iperf 3.16'],
  ])('or not: %s', ([, changes, sentence]) => {
    expect(compared([runOf()], [runOf(changes)]).unlike).toEqual([sentence])
  })

  test('also within a set', () => {
    expect(compared([runOf(), runOf({ kernel: '6.1' })], [runOf()]).unlike).toHaveLength(1)
  })

  test('softplane is not dpservice, and a missing machine is named', () => {
    const before = traitsOfRun(runOf())
    const after = traitsOfRun(fullRecord())
    expect(differencesOf(before, after)).toEqual(
      expect.arrayContaining([
        'tools: data plane: dpservice → softplane',
        'hosts: hypervisor-1 memory: 16 GiB → none',
      ]),
    )
  })
})

describe('a comparison of runs', () => {
  test('finds a regression, and says it in every form', () => {
    const found = compared([runOf()], [runOf({ gbits: slower })])
    expect(found.rows).toHaveLength(1)
    expect(found.rows[0]!.comparison).toMatchObject({ conclusion: 'regression' })
    expect(comparisonText(found)).toBe(`before → after

vm2vm › IPv4 on one hypervisor (offload)
  9.40 Gbit/s → 8.46 Gbit/s: -10.0 % (95 % interval -10.3 to -9.7 %), p=0.008, n=5 and 5: a regression

1 regression
`)
    expect(comparisonMarkdown(found)).toContain(
      '| vm2vm › IPv4 on one hypervisor (offload) | 9.40 Gbit/s | 8.46 Gbit/s | -10.0 % | -10.3 % to -9.7 % | 0.0079 | 5 and 5 | **regression** |',
    )
  })

  test('takes the repetitions of a set together', () => {
    const two = [runOf(), runOf({ gbits: steady })]
    const found = compared(two, [runOf()])
    expect(found.rows[0]!.comparison).toMatchObject({
      before: { n: 10 },
      after: { n: 5 },
      conclusion: 'no-difference',
    })
  })

  test('names what only one side has', () => {
    const found = compared([runOf()], [runOf({ mode: 'non-offload' })])
    expect(found.rows).toEqual([])
    expect(found.leftOut).toEqual([
      'vm2vm › IPv4 on one hypervisor (offload): in before alone',
      'vm2vm › IPv4 on one hypervisor (non-offload): in after alone',
    ])
  })
})

describe('a baseline', () => {
  test('keeps what passed or failed, with where it comes from, and reads back', () => {
    const { baseline, leftOut } = baselineOf(fullRecord(), 'main')
    expect(leftOut).toEqual([
      'IPv4 with a <name> & "quotes" | pipe (offload): INVALID',
      'through a NAT (offload): ERROR',
      'IPv6 between hypervisors (non-offload): UNSTABLE',
    ])
    expect(baseline).toMatchObject({ name: 'main', startedAt: start.startedAt, profile: 'default' })
    expect(baseline!.dataPlanes).toMatchObject([{ digest: 'sha256:ab' }])
    expect(baseline!.figures).toHaveLength(3)
    expect(parseBaseline(serialiseBaseline(baseline!), 'main.json')).toEqual(
      JSON.parse(JSON.stringify(baseline)),
    )
  })

  test('of a run without figures is none', () => {
    const recorder = new RunRecorder(start)
    recorder.test(entry({ state: 'skipped', reason: 'no' }))
    expect(baselineOf(recorder.finish(), 'main').baseline).toBeUndefined()
  })

  test('that is broken is refused with the place', () => {
    const { baseline } = baselineOf(runOf(), 'main')
    const broken = { ...baseline, figures: [{ ...baseline!.figures[0], values: ['x'] }] }
    expect(() => parseBaseline(JSON.stringify(broken), 'main.json')).toThrow(
      /main\.json is not a sound baseline[^]*figures\.0\.values\.0/,
    )
    expect(() => parseBaseline('{"kind":"dpbench baseline","schema_version":2}', 'x')).toThrow(
      /newer dpbench/,
    )
    expect(() => parseBaseline('{}', 'x')).toThrow(/x is not a baseline of dpbench/)
  })
})

describe('dpbench compare', () => {
  const bin = join(import.meta.dirname, '../../bin/dpbench.ts')
  const compare = async (cwd: string, ...argv: string[]) =>
    promisify(execFile)(process.execPath, [bin, 'compare', ...argv], { cwd }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    )
  const store = async (folder: string, runs: Readonly<Record<string, RunRecord>>) => {
    for (const [name, record] of Object.entries(runs)) {
      await mkdir(join(folder, name), { recursive: true })
      await writeFile(join(folder, name, 'run.json'), serialiseRecord(record))
    }
  }

  test(
    '0 without a regression, 1 with one, 2 for unlike runs unless they are allowed',
    { timeout: 60_000 },
    async () => {
      const folder = await scratchFolder()
      await store(folder, {
        'mon-1': runOf(),
        'mon-2': runOf(),
        tue: runOf({ gbits: slower }),
        other: runOf({ kernel: '7.0' }),
      })
      const { baseline } = baselineOf(runOf(), 'main')
      await writeFile(join(folder, 'main.json'), serialiseBaseline(baseline!))
      const [same, worse, unlike, allowed, json, missing, few, own] = await Promise.all([
        compare(folder, 'mon-1', 'mon-2/run.json'),
        compare(folder, 'mon-*', 'tue', '--format', 'markdown'),
        compare(folder, 'mon-1', 'other'),
        compare(folder, 'mon-1', 'other', '--allow-unlike'),
        compare(folder, 'mon-1,mon-2', 'tue', '--format=json'),
        compare(folder, 'mon-1', 'wed'),
        compare(folder, 'mon-1'),
        compare(folder, 'main.json', 'tue'),
      ])
      expect(same).toMatchObject({ code: 0, stdout: expect.stringContaining('1 without a difference') })
      expect(worse).toMatchObject({ code: 1, stdout: expect.stringContaining('10 and 5 | **regression**') })
      expect(unlike.code).toBe(2)
      expect(unlike.stderr).toContain('✖ hosts: hypervisor-1 kernel: 6.12 → 7.0')
      expect(allowed).toMatchObject({ code: 0, stdout: expect.stringContaining('although they are unlike') })
      expect(json.code).toBe(1)
      expect(JSON.parse(json.stdout)).toMatchObject({ rows: [{ comparison: { before: { n: 10 } } }] })
      expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('wed does not exist') })
      expect(few).toMatchObject({ code: 2, stderr: expect.stringContaining('takes two names') })
      expect(own).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('baseline main of 2026-11-21 → tue'),
      })
    },
  )
})
