/**
 * What a run comes to, as one exit code. When several things went wrong the one that makes the others doubtful wins:
 *
 *   interrupted (130, 143)  the run is not whole
 *   usage, configuration (2)  it did not do what was meant
 *   infrastructure failed, INVALID, something left behind, nothing ran at all (3)  figures are missing or doubtful
 *   a threshold was missed (1)  measured, and certain
 *   UNSTABLE (4)  measured, and not certain
 */
import { ExitCode } from '../core/errors.ts'
import { isExcused } from './quarantine.ts'
import { type TestState, stateOf } from './test-state.ts'
import type { Outcome, RunRecord, TestResult } from './record.ts'

type Findings = Pick<RunRecord, 'tests' | 'failures' | 'leftovers' | 'interruptedBy'>

export { type TestState, stateOf } from './test-state.ts'

/** 128 and the signal's number, as shells have it. */
const signalExitCodes = { SIGINT: 130, SIGTERM: 143 } as const

const precedence = [
  ExitCode.usage,
  ExitCode.infrastructure,
  ExitCode.thresholdMissed,
  ExitCode.unstable,
] as const

export function exitCodeOf(record: Findings): number {
  if (record.interruptedBy) return signalExitCodes[record.interruptedBy]
  const codes = new Set([
    ...record.tests.filter((test) => !isExcused(test)).map(({ result }) => exitCodeOfTest(result)),
    ...record.failures.map(({ exitCode }) => exitCode),
    ...(record.leftovers.length > 0 ? [ExitCode.infrastructure] : []),
    // A run that measured nothing has not passed anything.
    ...(record.tests.every(({ result }) => result.state === 'skipped') ? [ExitCode.infrastructure] : []),
  ])
  codes.delete(ExitCode.passed)
  if (codes.size === 0) return ExitCode.passed
  return precedence.find((code) => codes.has(code)) ?? ExitCode.infrastructure
}

export function outcomeOf(record: Findings): Outcome {
  const counted = record.tests.filter((test) => !isExcused(test))
  const quarantined = record.tests.length - counted.length
  const states = counted.map(({ result }) => stateOf(result))
  const count = (state: TestState): number => states.filter((each) => each === state).length
  return {
    exitCode: exitCodeOf(record),
    counts: {
      passed: count('PASS'),
      failed: count('FAIL'),
      unstable: count('UNSTABLE'),
      invalid: count('INVALID'),
      errors: count('ERROR'),
      skipped: count('SKIPPED'),
      ...(quarantined > 0 && { quarantined }),
    },
  }
}

function exitCodeOfTest(result: TestResult): number {
  if (result.state === 'error') return result.error.exitCode
  const codes = {
    PASS: ExitCode.passed,
    FAIL: ExitCode.thresholdMissed,
    UNSTABLE: ExitCode.unstable,
    INVALID: ExitCode.infrastructure,
    ERROR: ExitCode.infrastructure,
    SKIPPED: ExitCode.passed,
  } as const satisfies Record<TestState, ExitCode>
  return codes[stateOf(result)]
}
