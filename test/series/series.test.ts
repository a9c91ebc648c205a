/** A series of runs: its order, what is done with runs that cannot be used, and how it goes on where it was cut. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DpbenchError, UsageError } from '../../src/core/errors.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { Series, type SeriesTools } from '../../src/series/series.ts'
import { results as outcomes, entry } from '../report/fixtures.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { fakeRuns, measured, recordWith } from './fixtures.ts'

const sound = (gbit = 9): RunRecord => recordWith([measured([gbit, gbit])])
const invalid = (): RunRecord => recordWith([entry(outcomes.invalid)])
const broken = (): RunRecord => recordWith([entry(outcomes.error)])

function toolsOf(
  start: SeriesTools['start'],
  changes: Partial<SeriesTools> = {},
): SeriesTools & { readonly said: string[] } {
  const said: string[] = []
  return {
    start,
    log: (line) => void said.push(line),
    signal: new AbortController().signal,
    said,
    ...changes,
  }
}

async function begin(tools: SeriesTools, results = scratchFolder()): Promise<Series> {
  const begun = { kind: 'calibrate', plan: { runs: 3 }, runArguments: ['--mode', 'both'] } as const
  const series = await Series.begin(
    { ...begun, runArguments: [...begun.runArguments] },
    { results, name: 'cal' },
    tools,
  )
  onTestFinished(() => series[Symbol.asyncDispose]())
  return series
}

async function runAll(series: Series, count = 3): Promise<RunRecord[]> {
  const records: RunRecord[] = []
  for (let number = 1; number <= count; number++) {
    const ran = await series.run({ id: `run-${number}`, label: `run ${number}`, left: count - number })
    if (ran.state === 'measured') records.push(ran.record)
  }
  return records
}

describe('a series', () => {
  test('runs each step once, in order, each in a folder of its own, measuring alone', async () => {
    const { start, started } = fakeRuns((_, count) => sound(count))
    const tools = toolsOf(start)
    const series = await begin(tools)
    const records = await runAll(series)
    expect(started.map(({ tag }) => tag)).toEqual(['run-1', 'run-2', 'run-3'])
    expect(started[0]!.argv).toEqual([
      '--mode',
      'both',
      '--measure-only',
      '--results',
      series.folder,
      '--tag',
      'run-1',
    ])
    expect(records.map(({ tests }) => tests[0]!.repetitions[0])).toMatchObject(
      [1, 2, 3].map((gbit) => ({ receiver: { bitsPerSecond: gbit * 1e9 } })),
    )
    expect(tools.said[0]).toBe('run 1')
    expect(tools.said[1]).toMatch(/^run 2; about \d s left$/)
    expect(series.unusable()).toEqual([])
  })

  test('an invalid run and one without its machines are kept, counted, said, and run again', async () => {
    const { start, started } = fakeRuns((_, count) =>
      count === 1 ? invalid() : count === 3 ? broken() : sound(),
    )
    const tools = toolsOf(start)
    const series = await begin(tools)
    expect(await runAll(series)).toHaveLength(3)
    expect(started.map(({ tag }) => tag)).toEqual(['run-1', 'run-1.2', 'run-2', 'run-2.2', 'run-3'])
    expect(series.unusable()).toEqual([
      expect.stringMatching(/^run-1: invalid: .*container dpservice on hypervisor-1 restarted/),
      expect.stringMatching(/^run-2: infrastructure: .*no route/),
    ])
    expect(tools.said.join('\n')).toMatch(/run 1: INVALID: .*run again \(1 of at most 3\)/)
    expect(await readdir(series.folder)).toEqual(expect.arrayContaining(['run-1', 'run-1.2']))
  })

  test('more than may be repeated end it, with the command that goes on; what was measured is kept', async () => {
    const { start, started } = fakeRuns((_, count) => (count === 1 ? sound() : broken()))
    const series = await begin(toolsOf(start, { mostRepeats: 2 }))
    const error = await runAll(series).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(DpbenchError)
    expect((error as Error).message).toMatch(
      /^run 2 could not be used, and 2 runs were repeated already: .*no route/,
    )
    expect((error as Error).message).toContain(`npx dpbench calibrate --resume `)
    expect(started).toHaveLength(4)
    await series[Symbol.asyncDispose]()

    const next = fakeRuns(() => sound())
    const again = await Series.resume(series.folder, 'calibrate', toolsOf(next.start))
    expect(await runAll(again)).toHaveLength(3)
    expect(next.started.map(({ tag }) => tag)).toEqual(['run-2.4', 'run-3'])
    await again[Symbol.asyncDispose]()
  })

  test('what would be refused again ends it at once', async () => {
    const { start, started } = fakeRuns(() => 2)
    const error = await runAll(await begin(toolsOf(start))).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toBe('run 1 was refused:\nit ended with 2')
    expect(started).toHaveLength(1)
  })

  test('a run that measures nothing is refused with what was skipped', async () => {
    const { start } = fakeRuns(() => recordWith([entry(outcomes.skipped)]))
    await expect(runAll(await begin(toolsOf(start)))).rejects.toThrow(
      /no test of it measured throughput; .* was skipped: the config has no load balancer/,
    )
  })

  test('a signal ends the run that goes on, and says what is kept; --resume goes on with that run', async () => {
    const interruption = new AbortController()
    const { start } = fakeRuns((_, count) => {
      if (count < 2) return sound()
      interruption.abort()
      return recordWith([], { change: (recorder) => recorder.interrupted('SIGINT') })
    })
    const tools = toolsOf(start, { signal: interruption.signal })
    const series = await begin(tools)
    await expect(runAll(series)).rejects.toThrow('the series was interrupted')
    expect(tools.said.at(-1)).toMatch(
      /^run 2: it was ended by SIGINT, and everything is put back; kept: 1 run in .*cal; go on with: npx dpbench calibrate --resume .*cal$/,
    )
    await series[Symbol.asyncDispose]()

    const next = fakeRuns(() => sound())
    const again = await Series.resume(series.folder, 'calibrate', toolsOf(next.start))
    await runAll(again)
    expect(next.started.map(({ tag }) => tag)).toEqual(['run-2.2', 'run-3'])
    expect(next.started[0]!.argv.slice(0, 2)).toEqual(['--mode', 'both'])
    expect(again.plan).toEqual({ runs: 3 })
    await again[Symbol.asyncDispose]()
  })

  test('a run that was killed with the series is run again', async () => {
    const killed = fakeRuns(() => Promise.reject(new Error('SIGKILL')))
    const series = await begin(toolsOf(killed.start))
    await expect(runAll(series)).rejects.toThrow('SIGKILL')
    await series[Symbol.asyncDispose]()
    const next = fakeRuns(() => sound())
    const again = await Series.resume(series.folder, 'calibrate', toolsOf(next.start))
    expect(await runAll(again, 1)).toHaveLength(1)
    expect(next.started.map(({ tag }) => tag)).toEqual(['run-1.2'])
    await again[Symbol.asyncDispose]()
  })

  test('a run on machines that changed meanwhile is not counted with the others', async () => {
    const changed = (): RunRecord => {
      const record = sound()
      return { ...record, machines: record.machines.map((each) => ({ ...each, kernel: '7.0' })) }
    }
    const { start } = fakeRuns((_, count) => (count === 1 ? sound() : changed()))
    await expect(runAll(await begin(toolsOf(start)))).rejects.toThrow(
      /run-2 is unlike the first run, run, .*\n {2}hosts: hypervisor-1 kernel: 6\.18 → 7\.0/,
    )
  })

  test('is not gone on with as another kind, nor from a folder that has none', async () => {
    const { start } = fakeRuns(() => sound())
    const series = await begin(toolsOf(start))
    await series[Symbol.asyncDispose]()
    await expect(Series.resume(series.folder, 'ab', toolsOf(start))).rejects.toThrow(
      `write dpbench calibrate --resume ${series.folder}`,
    )
    await expect(Series.resume(scratchFolder(), 'ab', toolsOf(start))).rejects.toThrow(
      /there is no such file/,
    )
    expect(JSON.parse(await readFile(join(series.folder, 'series.json'), 'utf8'))).toMatchObject({
      kind: 'calibrate',
    })
  })

  test('what the data plane is to blame for is a result where that is asked for, and only there', async () => {
    const unbuildable = (): RunRecord =>
      recordWith([], {
        change: (recorder) => recorder.failure('building the image', new DpbenchError('it does not build')),
      })
    const { start, started } = fakeRuns(() => unbuildable())
    const series = await begin(toolsOf(start))
    const step = { id: 'c', label: 'commit c', left: 0 }
    expect(await series.run({ ...step, mayBeUntestable: true })).toEqual({
      state: 'untestable',
      said: 'it does not build',
    })
    expect(await series.run({ ...step, mayBeUntestable: true })).toMatchObject({ state: 'untestable' })
    expect(started).toHaveLength(1)
    await expect(series.run(step)).rejects.toThrow('commit c: it does not build')
    // machines that are gone are not the commit's fault
    const gone = await begin(toolsOf(fakeRuns(broken).start, { mostRepeats: 0 }))
    await expect(gone.run({ ...step, mayBeUntestable: true })).rejects.toThrow(/could not be used/)
  })
})
