import { expect, test } from 'vitest'
import { formatCount } from '../../src/verdict/format.ts'

test.each([0, 7, 999, 1000, 12_345, 123_456, 1_234_567, 1e15, -54_321])(
  '%d is grouped as en-US has it',
  (count) => {
    expect(formatCount(count)).toBe(count.toLocaleString('en-US'))
  },
)
