/** What one test comes to, in a word. */
import type { TestResult } from './record.ts'

export type TestState = 'PASS' | 'FAIL' | 'UNSTABLE' | 'INVALID' | 'ERROR' | 'SKIPPED'

export function stateOf(result: TestResult): TestState {
  switch (result.state) {
    case 'judged':
      return result.verdict.state
    case 'assessed':
      return result.verdict
    case 'passed':
      return 'PASS'
    case 'failed':
      return 'FAIL'
    case 'error':
      return 'ERROR'
    case 'skipped':
      return 'SKIPPED'
  }
}
