/** Writes what a guest run leaves into its folder of the results. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../core/replace-file.ts'
import type { GuestRunRecord, SubtestRecord } from './record.ts'
import { type Subtest, subtestFolder } from './subtests.ts'

/** Before the VM starts: whoever looks meanwhile, or after a crash, sees which subtests were to come. */
export async function preSeed(folder: string, subtests: readonly string[]): Promise<void> {
  for (const name of subtests) {
    const own = join(folder, 'subtests', subtestFolder(name))
    await mkdir(own, { recursive: true })
    await writeFile(join(own, 'status'), 'NOT STARTED\n')
  }
}

export async function keepSubtests(folder: string, subtests: readonly Subtest[]): Promise<SubtestRecord[]> {
  const records: SubtestRecord[] = []
  for (const { log, ...subtest } of subtests) {
    const own = join('subtests', subtestFolder(subtest.name))
    await mkdir(join(folder, own), { recursive: true })
    await writeFile(join(folder, own, 'status'), `${subtest.status}\n`)
    await writeFile(join(folder, own, 'duration'), `${(subtest.durationMs / 1000).toFixed(3)}\n`)
    await writeFile(join(folder, own, 'log'), linesText(log))
    records.push({ ...subtest, folder: own })
  }
  return records
}

/** The record, and a marker `SUCCESS` or `FAILED` with the sentence. */
export async function keepRecord(folder: string, record: GuestRunRecord): Promise<void> {
  const marker = record.verdict.outcome === 'success' ? 'SUCCESS' : 'FAILED'
  await rm(join(folder, marker === 'SUCCESS' ? 'FAILED' : 'SUCCESS'), { force: true })
  await writeFile(join(folder, marker), `${record.verdict.sentence}\n`)
  await replaceFile(join(folder, 'guest-run.json'), `${JSON.stringify(record, undefined, 2)}\n`)
}

export function linesText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
