/** Whether a run of a series can be used: it ended by itself, and every test that measured has a valid figure. */
import { ExitCode } from '../core/errors.ts'
import { stateOf } from '../report/outcome.ts'
import { isExcused } from '../report/quarantine.ts'
import type { RunRecord } from '../report/record.ts'
import { explanationOf } from '../report/view.ts'
import { figuresOf } from './figures.ts'
import type { RunOutcome } from './state.ts'

export type Assessment =
  | {
      readonly outcome: Exclude<RunOutcome, 'usable'>
      readonly said: string
      /** Of the error that ended it. */
      readonly code?: string
    }
  /** To run the same again would end in the same way: the config or the command line is at fault. */
  | { readonly outcome: 'refused'; readonly said: string }
  | { readonly outcome: 'usable' }

/** Where a record keeps that an image did not build. */
const building = 'building the image'

export function assess(record: RunRecord): Assessment {
  if (record.interruptedBy) return { outcome: 'interrupted', said: `it was ended by ${record.interruptedBy}` }
  const refusal = refusalOf(record)
  if (refusal !== undefined) return { outcome: 'refused', said: refusal }
  const built = record.failures.find(({ where }) => where === building)
  if (built) return { outcome: 'untestable', said: firstLine(built.message) }
  const [failure] = record.failures
  if (failure) return infrastructure(`${failure.where}: ${failure.message}`, failure.code)
  const tests = record.tests.filter((test) => !isExcused(test))
  const invalid = tests.find((test) => stateOf(test.result) === 'INVALID' || isMeasurementError(test))
  if (invalid) return { outcome: 'invalid', said: firstLine(`${invalid.name}: ${explanationOf(invalid)}`) }
  for (const test of tests) {
    if (test.result.state === 'error')
      return infrastructure(`${test.name}: ${explanationOf(test)}`, test.result.error.code)
  }
  if (record.finishedAt === undefined) return infrastructure('it was killed before its end')
  const [left] = record.leftovers
  if (left !== undefined) return infrastructure(`left behind: ${left}`)
  if (figuresOf(record).length > 0) return { outcome: 'usable' }
  const [skipped] = record.tests.filter(({ result }) => result.state === 'skipped')
  const why = skipped ? `; ${skipped.name} was skipped: ${explanationOf(skipped)}` : ''
  return { outcome: 'refused', said: `no test of it measured throughput${why}` }
}

function refusalOf({ tests, failures }: RunRecord): string | undefined {
  const ofRun = failures.find(({ exitCode }) => exitCode === ExitCode.usage)
  if (ofRun) return `${ofRun.where}: ${ofRun.message}`
  const ofTest = tests.find(
    ({ result }) => result.state === 'error' && result.error.exitCode === ExitCode.usage,
  )
  return ofTest && `${ofTest.name}: ${explanationOf(ofTest)}`
}

function isMeasurementError({ result }: RunRecord['tests'][number]): boolean {
  return result.state === 'error' && result.error.code === 'DPBENCH_MEASUREMENT'
}

function infrastructure(said: string, code?: string): Assessment {
  return { outcome: 'infrastructure', said: firstLine(said), ...(code !== undefined && { code }) }
}

function firstLine(text: string): string {
  return text.split('\n')[0]!
}
