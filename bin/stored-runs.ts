/** Runs that were measured before, by the folders that hold them. */
import { readFile } from 'node:fs/promises'
import { type RunRecord, parseRecord } from '../src/report/record.ts'
import { runFilesOf } from './run-files.ts'
import { assess } from '../src/series/assess.ts'

export interface StoredRun {
  readonly file: string
  readonly record: RunRecord
  /** Why its figures do not count. */
  readonly unusable?: string
}

/**
 * In the order of their beginning, each once.
 * @throws UsageError when nothing is there; ConfigError for a record that cannot be read
 */
export async function readStoredRuns(paths: readonly string[]): Promise<StoredRun[]> {
  const files = (await Promise.all(paths.map(runFilesOf))).flat()
  const runs = await Promise.all(files.map(readRun))
  const byId = new Map(runs.map((run) => [run.record.runId, run]))
  return [...byId.values()].sort((a, b) => (a.record.startedAt < b.record.startedAt ? -1 : 1))
}

async function readRun(file: string): Promise<StoredRun> {
  const record = parseRecord(await readFile(file, 'utf8'), file)
  const assessed = assess(record)
  if (assessed.outcome === 'usable') return { file, record }
  return { file, record, unusable: `${assessed.outcome}: ${assessed.said}` }
}
