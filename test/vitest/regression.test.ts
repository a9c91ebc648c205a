/** What was measured against a baseline: a regression is measured again, and unlike baselines are refused. */
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import type { Environment } from '../../src/environment/environment.ts'
import { type Baseline, baselineOf } from '../../src/report/baseline.ts'
import type { BaselineCheck } from '../../src/report/baseline-check.ts'
import { RunRecorder } from '../../src/report/recorder.ts'
import { readBaseline, saveBaseline } from '../../src/vitest/baseline-files.ts'
import { BaselineWatch, type Repeatable } from '../../src/vitest/regression.ts'
import type { RunContext } from '../../src/vitest/run-context.ts'
import { entry, judged, start } from '../report/fixtures.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { profile, samplesOf } from '../verdict/fixtures.ts'

const steady = [9.4, 9.41, 9.42, 9.39, 9.38]
const slower = steady.map((gbit) => gbit * 0.9)
const place = { suite: 'vm2vm', test: 'IPv4 on one hypervisor' }
const config = { concurrentFlowCount: 3, measurement: profile }

function recordOf(gbits: readonly number[] = steady) {
  const recorder = new RunRecorder({ ...start, config: { name: 'lab', content: config } })
  recorder.machine({
    name: 'vm1',
    role: 'guest',
    kernel: '6.12',
    os: 'Debian',
    cpu: 'x',
    cores: 2,
    memoryBytes: 2 ** 30,
  })
  const result = judged(gbits, 8, 'offload')
  recorder.test(entry(result, { measurement: 'iperf3 ipv4 vm3 → vm1', repetitions: samplesOf(...gbits) }))
  return recorder
}

const baselineFrom = (gbits?: readonly number[]): Baseline =>
  baselineOf(recordOf(gbits).finish(), 'main').baseline!

function watchOver(
  against: Baseline | undefined,
  { kernel = '6.12', allowUnlike = false, folder = '/none' } = {},
) {
  const run = { mode: 'offload', config, baselines: { folder, against, allowUnlike, saving: 'next' } }
  const environment = {
    machines: [{ name: 'vm1', kernel, os: 'Debian', cpu: 'x', cpus: 2, memoryMib: 1024 }],
    config,
    dataplane: { provenance: [{ version: 'dpservice 1' }] },
  }
  return new BaselineWatch(run as unknown as RunContext, environment as unknown as Environment, place)
}

/** A measurement whose further repetitions give what is asked of them. */
function measured(first: readonly number[], more: readonly number[] = [], name = 'iperf3 ipv4 vm3 → vm1') {
  const notes: BaselineCheck[] = []
  const asked: number[] = []
  const repeatable: Repeatable = {
    name,
    samples: samplesOf(...first),
    async again(count) {
      asked.push(count)
      return samplesOf(...Array.from({ length: count }, (_, index) => more[index % more.length]!))
    },
    note: (check) => void notes.push(check),
  }
  return { repeatable, notes, asked }
}

describe('against a baseline', () => {
  test('as fast as before it is held, and nothing is measured again', async () => {
    const { repeatable, notes, asked } = measured(steady)
    expect(await watchOver(baselineFrom()).against(repeatable, undefined)).toMatchObject({ state: 'held' })
    expect(notes).toHaveLength(1)
    expect(asked).toEqual([])
  })

  test('a regression is one when it is seen again', async () => {
    const { repeatable, asked } = measured(slower, slower)
    const check = await watchOver(baselineFrom()).against(repeatable, 'main')
    expect(check).toMatchObject({
      state: 'regression',
      first: { conclusion: 'regression' },
      again: { after: { n: 6 } },
    })
    expect(check!.sentence).toMatch(
      /^REGRESSION against baseline main of 2026-11-21: 9\.40 Gbit\/s → 8\.46 Gbit\/s: -10\.0 % .*; seen again: 9\.40/,
    )
    expect(asked).toEqual([profile.repetitions.min])
  })

  test('and none when it is not', async () => {
    const { repeatable } = measured(slower, steady)
    const check = await watchOver(baselineFrom()).against(repeatable, 'main')
    expect(check).toMatchObject({ state: 'not-seen-again', again: { conclusion: 'no-difference' } })
    expect(check!.sentence).toContain('which was not seen again')
  })

  test('too few repetitions are made enough: against three it takes five', async () => {
    const { repeatable, asked } = measured(steady.slice(0, 3), steady)
    const check = await watchOver(baselineFrom(steady.slice(0, 3))).against(repeatable, 'main')
    expect(asked).toEqual([2])
    expect(check).toMatchObject({ state: 'held', first: { before: { n: 3 }, after: { n: 5 } } })
  })

  test('what the baseline does not have is said, and is no failure', async () => {
    const { repeatable } = measured(steady, [], 'iperf3 ipv6 vm3 → vm1')
    const check = await watchOver(baselineFrom()).against(repeatable, 'main')
    expect(check).toMatchObject({ state: 'missing' })
    expect(check!.sentence).toContain('has no figure of iperf3 ipv6 vm3 → vm1 in mode offload')
  })

  test('asked twice it measures once', async () => {
    const { repeatable, asked } = measured(slower, slower)
    const watch = watchOver(baselineFrom())
    await watch.against(repeatable, 'main')
    await watch.against(repeatable, undefined)
    expect(asked).toHaveLength(1)
  })

  test('without a name, or with that of the baseline that this run makes, nothing is compared', async () => {
    const { repeatable } = measured(slower)
    expect(await watchOver(undefined).against(repeatable, undefined)).toBeUndefined()
    expect(await watchOver(undefined).against(repeatable, 'next')).toBeUndefined()
  })
})

describe('of the like alone', () => {
  test('other machines are refused before anything is measured, each difference named', () => {
    expect(() => watchOver(baselineFrom(), { kernel: '7.0' })).toThrow(UsageError)
    expect(() => watchOver(baselineFrom(), { kernel: '7.0' })).toThrow(
      /--allow-unlike[^]*✖ hosts: vm1 kernel: 6\.12 → 7\.0/,
    )
  })

  test('other tools are refused when they are known', async () => {
    const baseline = baselineFrom()
    baseline.figures[0]!.tool = 'iperf 3.9'
    await expect(watchOver(baseline).against(measured(steady).repeatable, 'main')).rejects.toThrow(
      /tools: iperf 3\.9 → iperf 3\.12/,
    )
  })

  test('unless that is allowed, and then it is kept', async () => {
    const watch = watchOver(baselineFrom(), { kernel: '7.0', allowUnlike: true })
    expect(await watch.against(measured(steady).repeatable, 'main')).toMatchObject({
      state: 'held',
      unlike: ['hosts: vm1 kernel: 6.12 → 7.0'],
    })
  })
})

describe('the files of baselines', () => {
  test('a run is saved, read back, and replaced', async () => {
    const folder = scratchFolder()
    const record = recordOf().finish()
    expect(await saveBaseline(folder, 'main', record)).toMatch(
      /^baseline main of 2026-11-21: 1 figures? kept in .*main\.json$/,
    )
    expect(await saveBaseline(folder, 'main', record)).toContain('in the place of 1 of 2026-11-21')
    expect(await readBaseline(folder, 'main')).toMatchObject({
      figures: [{ measurement: 'iperf3 ipv4 vm3 → vm1' }],
    })
    const watch = watchOver(undefined, { folder })
    expect(await watch.against(measured(steady).repeatable, 'main')).toMatchObject({ state: 'held' })
    await expect(watch.against(measured(steady).repeatable, 'mian')).rejects.toThrow(/did you mean main\?/)
    await expect(readBaseline(folder, 'other')).rejects.toThrow(
      /there are main \(--save-baseline other makes one\)/,
    )
  })

  test('an interrupted run, and one that is a regression itself, keep nothing', async () => {
    const folder = scratchFolder()
    const interrupted = { ...recordOf().finish(), interruptedBy: 'SIGINT' as const }
    expect(await saveBaseline(folder, 'main', interrupted)).toContain(
      'was not saved: the run was interrupted',
    )
    const worse = recordOf().finish()
    worse.tests[0]!.baselines = [
      { baseline: 'main', measurement: 'x', state: 'regression', sentence: 'worse', unlike: [] },
    ]
    expect(await saveBaseline(folder, 'main', worse)).toContain(
      'is a regression, which would become the measure',
    )
    await expect(readFile(`${folder}/main.json`)).rejects.toThrow(/ENOENT/)
  })
})
