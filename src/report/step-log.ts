/** Step logs in a results folder, one per worker, while the run goes on: `.steps-<mode>.jsonl`. */
import { appendFileSync } from 'node:fs'
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileName } from './names.ts'
import { parseEntries, stepsOf } from './steps.ts'
import type { StepEntry } from './step-recorder.ts'
import type { StepRecord } from './step-schema.ts'

const name = /^\.steps-.+\.jsonl$/

/**
 * Appends to a worker's log, each entry at once and whole: it is there when the worker is killed the moment after. Takes
 * tens of microseconds, as often as something is done on a machine.
 */
export function stepLog(resultsFolder: string, mode: string): (entry: StepEntry) => void {
  const file = stepLogFile(resultsFolder, mode)
  return (entry) => appendFileSync(file, `${JSON.stringify(entry)}\n`, { mode: 0o600 })
}

export function stepLogFile(resultsFolder: string, mode: string): string {
  return join(resultsFolder, `.steps-${fileName(mode)}.jsonl`)
}

/** What all workers did; their logs are gone then. */
export async function takeSteps(resultsFolder: string): Promise<StepRecord[]> {
  const files = (await readdir(resultsFolder)).filter((each) => name.test(each)).sort()
  const steps: StepRecord[] = []
  for (const file of files) {
    const path = join(resultsFolder, file)
    steps.push(...stepsOf(parseEntries(await readFile(path, 'utf8'))))
    await rm(path)
  }
  return steps
}
