/** Step logs in a results folder, one per worker, while the run goes on: `.steps-<mode>.jsonl`. */
import { appendFileSync } from 'node:fs'
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { diskFault } from '../core/disk-fault.ts'
import { describeError } from '../core/errors.ts'
import { fileName } from './names.ts'
import { parseEntries, stepsOf } from './steps.ts'
import type { StepEntry } from './step-recorder.ts'
import type { StepRecord } from './step-schema.ts'

const name = /^\.steps-.+\.jsonl$/

/**
 * Appends to a worker's log, each entry at once and whole: it is there when the worker is killed the moment after. Takes
 * tens of microseconds, as often as something is done on a machine. An observer throws nothing, or a full disk would end what
 * is done on the machines, clean-up too: `onLost` is told once, and the rest of the timeline is lost.
 */
export function stepLog(
  resultsFolder: string,
  mode: string,
  onLost: (sentence: string) => void,
): (entry: StepEntry) => void {
  const file = stepLogFile(resultsFolder, mode)
  let lost = false
  return (entry) => {
    if (lost) return
    try {
      appendFileSync(file, `${JSON.stringify(entry)}\n`, { mode: 0o600 })
    } catch (error) {
      lost = true
      onLost(`the timeline ends here: ${describeError(diskFault(file, error) ?? error)}`)
    }
  }
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
