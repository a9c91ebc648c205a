import { expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import { requireNode } from '../../src/core/node-version.ts'

test.each(['22.12.0', '24.1.0', '26.0.0'])('Node %s will do', (version) => {
  expect(() => requireNode(version)).not.toThrow()
})

test.each(['20.19.5', '22.11.9'])('Node %s is refused', (version) => {
  expect(() => requireNode(version)).toThrow(UsageError)
})
