/**
 * Stored run records, as runs left them: they stay as they are, so that what reads them is seen to read old ones. One has
 * everything, each other lacks or adds what its name says; those named `refused-…` are none of this schema version.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type RunRecord, parseRecord } from '../../src/report/record.ts'

export const fixtures = join(import.meta.dirname, 'fixtures/runs')
const files = readdirSync(fixtures).toSorted()

/** Their paths: what is read, and what is not. */
export const soundRuns = files
  .filter((name) => !name.startsWith('refused-'))
  .map((name) => join(fixtures, name))
export const refusedRuns = files
  .filter((name) => name.startsWith('refused-'))
  .map((name) => join(fixtures, name))

export function storedRun(name: string): RunRecord {
  const file = join(fixtures, `${name}.json`)
  return parseRecord(readFileSync(file, 'utf8'), file)
}
