/** Runs that were measured before: a `run.json`, a results folder, a series, or a folder that holds several of them. */
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../core/errors.ts'
import { type RunRecord, parseRecord } from '../report/record.ts'
import { assess } from './assess.ts'

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
  const files = (await Promise.all(paths.map(recordFiles))).flat()
  const runs = await Promise.all([...new Set(files)].map(readRun))
  const byId = new Map(runs.map((run) => [run.record.runId, run]))
  return [...byId.values()].sort((a, b) => (a.record.startedAt < b.record.startedAt ? -1 : 1))
}

async function recordFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `${path}: ${error.code === 'ENOENT' ? 'there is no such file or folder' : error.message}`,
      {
        cause: error,
      },
    )
  })
  if (!found.isDirectory()) return [path]
  const entries = await readdir(path, { withFileTypes: true })
  if (entries.some(({ name }) => name === 'run.json')) return [join(path, 'run.json')]
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name))
  const below = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(folder)).includes('run.json') ? [join(folder, 'run.json')] : [],
    ),
  )
  const files = below.flat()
  if (files.length === 0)
    throw new UsageError(`${path} holds no run: name results folders, or a folder of them`)
  return files
}

async function readRun(file: string): Promise<StoredRun> {
  const record = parseRecord(await readFile(file, 'utf8'), file)
  const assessed = assess(record)
  return {
    file,
    record,
    ...(assessed.outcome === 'usable' ? {} : { unusable: `${assessed.outcome}: ${assessed.said}` }),
  }
}
