/** Runs of a series without machines: records with the figures that a test wants, and a starter that writes them. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RunRecorder, type TestEntry } from '../../src/report/recorder.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import type { StartRun } from '../../src/series/child-run.ts'
import { entry, start } from '../report/fixtures.ts'
import { samplesOf } from '../verdict/fixtures.ts'

export const test1 = 'IPv4 on one hypervisor'

/** A test that measured these repetitions, Gbit/s, and judged nothing. */
export function measured(gbits: readonly number[], changes: Partial<TestEntry> = {}): TestEntry {
  const repetitions = samplesOf(...gbits) as NonNullable<TestEntry['repetitions']>
  return entry({ state: 'passed' }, { name: test1, scenario: 'local_vm2vm', repetitions, ...changes })
}

export interface RunChanges {
  readonly runId?: string
  readonly digest?: string
  readonly change?: (recorder: RunRecorder) => void
}

export function recordWith(
  tests: readonly TestEntry[],
  { runId = 'run', digest = 'sha256:a', change }: RunChanges = {},
): RunRecord {
  const recorder = new RunRecorder({ ...start, runId })
  recorder.machine({ name: 'hypervisor-1', role: 'hypervisor', kernel: '6.18', cpu: 'a CPU' })
  recorder.dataPlane({
    machine: 'hypervisor-1',
    mode: 'offload',
    image: 'softplane:1',
    digest,
    version: 'softplane 1',
  })
  for (const test of tests) recorder.test(test)
  change?.(recorder)
  return recorder.finish(new Date('2026-11-21T02:20:00.000Z'))
}

/** The value after an option. */
export function valueOf(argv: readonly string[], option: string): string | undefined {
  const index = argv.indexOf(option)
  return index < 0 ? undefined : argv[index + 1]
}

export interface Started {
  readonly argv: readonly string[]
  /** Of the run's folder. */
  readonly tag: string
  readonly signal: AbortSignal
}

/** Starts runs that end at once: what `run` returns is the record, or the exit code of one that left none. */
export function fakeRuns(
  run: (started: Started, count: number) => RunRecord | number | Promise<RunRecord | number>,
): {
  readonly start: StartRun
  readonly started: Started[]
} {
  const started: Started[] = []
  return {
    started,
    start: async ({ argv, logFile, signal }) => {
      const [tag, results] = [valueOf(argv, '--tag')!, valueOf(argv, '--results')!]
      const one = { argv, tag, signal }
      started.push(one)
      const result = await run(one, started.length)
      await writeFile(logFile, typeof result === 'number' ? `dpbench: it ended with ${result}\n` : '')
      if (typeof result === 'number') return result
      await mkdir(join(results, tag))
      await writeFile(join(results, tag, 'run.json'), serialiseRecord(result))
      return result.outcome.exitCode
    },
  }
}
