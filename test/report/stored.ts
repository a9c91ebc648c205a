/** The records in fixtures/, written by hand: as a stored run may be. Those named `refused-…` can't be read. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type RunRecord, parseRecord } from '../../src/report/record.ts'

export const storedFolder = join(import.meta.dirname, 'fixtures')

export const storedRecord = (name: string): RunRecord =>
  parseRecord(readFileSync(join(storedFolder, name), 'utf8'), name)

/** All that are sound. */
export const storedRecords = (): { readonly name: string; readonly record: RunRecord }[] =>
  readdirSync(storedFolder)
    .filter((name) => name.endsWith('.json') && !name.startsWith('refused-'))
    .map((name) => ({ name, record: storedRecord(name) }))
