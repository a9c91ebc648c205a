import { expect, test } from 'vitest'
import { DpbenchError, describeError } from '../../src/core/errors.ts'

test('an error whose causes Vitest has made plain objects is described as before', () => {
  const plain = Object.assign(Object.create(null) as object, {
    message: 'it does not answer',
    cause: Object.assign(Object.create(null) as object, { message: 'Keepalive timeout' }),
  })
  expect(describeError(new DpbenchError('vm1 was lost', { cause: plain }))).toBe(
    'vm1 was lost\n  because: it does not answer\n  because: Keepalive timeout',
  )
})

test('whatever was thrown has a text', () => {
  expect(describeError('no')).toBe('no')
  expect(describeError(Object.create(null))).toBe('[object Object]')
  expect(describeError({ toString: () => ({}) })).toBe('[object Object]')
  expect(describeError({ message: 7 })).toBe('[object Object]')
})
