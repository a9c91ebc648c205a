/** What became of a test, from the errors that Vitest has of it. */
import { expect, test } from 'vitest'
import type { TestCase } from 'vitest/node'
import { ConnectionError, ConditionError, ThresholdError } from '../../src/core/errors.ts'
import { stateOf } from '../../src/report/test-state.ts'
import { testResult } from '../../src/vitest/test-outcome.ts'

function failing(...errors: Error[]): TestCase {
  const serialised = errors.map((error) =>
    Object.assign({}, error, { name: error.name, message: error.message }),
  )
  return { result: () => ({ state: 'failed', errors: serialised }) } as unknown as TestCase
}

const assertion = Object.assign(new Error('expected 1 to be 2'), { name: 'AssertionError' })

test.each([
  ['a missed threshold', 'FAIL', new ThresholdError('the outage is 3 s > 1 s expected')],
  ['a broken condition', 'FAIL', new ConditionError('vm1 answers no more')],
  ['an assertion', 'FAIL', assertion],
  ['a lost connection', 'ERROR', new ConnectionError('vm1: the SSH connection was lost')],
])('%s is %s', (_, state, error) => {
  const result = testResult(failing(error), undefined)
  expect(stateOf(result)).toBe(state)
  expect(JSON.stringify(result)).toContain(error.message)
})
