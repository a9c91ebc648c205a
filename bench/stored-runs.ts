/** A folder of stored runs, as many as asked for, each as large as one of the default profile on small servers. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunRecord } from '../src/report/record.ts'
import { serialiseRecord } from '../src/report/serialise.ts'
import { type Size, largeRecord } from '../test/report/large-record.ts'

/** What the suites give in both modes: eight scenarios of six repetitions, and the timeline of half an hour. */
export const usualRun: Size = { scenarios: 8, repetitions: 6, flows: 3, cores: 8, steps: 1_500 }

/** Runs a day apart. Their bytes in total. */
export async function storeRuns(folder: string, count: number, size: Size = usualRun): Promise<number> {
  let bytes = 0
  for (let run = 1; run <= count; run++)
    bytes += await storeRun(folder, `run-${String(run).padStart(4, '0')}`, size, run)
  return bytes
}

/** The run of the day `seed`, whose figures follow from it. Its bytes. */
export async function storeRun(folder: string, name: string, size: Size, seed = 1): Promise<number> {
  const text = serialiseRecord(movedBy(largeRecord(size, seed), seed))
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, name, 'run.json'), text)
  return Buffer.byteLength(text)
}

const dayMs = 86_400_000

function movedBy(record: RunRecord, days: number): RunRecord {
  const at = (time: string): string => new Date(Date.parse(time) + days * dayMs).toISOString()
  const { finishedAt } = record
  return {
    ...record,
    startedAt: at(record.startedAt),
    ...(finishedAt !== undefined && { finishedAt: at(finishedAt) }),
  }
}
