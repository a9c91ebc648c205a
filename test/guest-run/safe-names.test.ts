import { expect, test } from 'vitest'
import { keptName, keptPath, pathParts, uploadedName } from '../../src/guest-run/safe-names.ts'
import { subtestFolder } from '../../src/guest-run/subtests.ts'

test.each(['/..', '/a/../b', '/%2e%2e/a', '/a//b', '/', 'a', '/a%2fb', '/a%5cb', '/a%00', '/%zz', '/./a'])(
  'is no path downwards: %s',
  (url) => expect(pathParts(url)).toBeUndefined(),
)

test('a path is taken apart and decoded once', () => {
  expect(pathParts('/upload/a%20b/%252e?x=/../y')).toEqual(['upload', 'a b', '%2e'])
})

test('kept names have nothing that a shell, a terminal or a folder minds', () => {
  expect(['..', '.ssh', 'a b;c', 'ü.log', '-x', '\u001b[31m'].map(keptName)).toEqual([
    'unnamed',
    'ssh',
    'a-b-c',
    'ü.log',
    'x',
    '31m',
  ])
  expect(keptName(`${'x'.repeat(300)}.log`)).toBe(`${'x'.repeat(96)}.log`)
  expect(uploadedName('C:\\a\\b.txt')).toBe('b.txt')
  expect(keptPath(Array.from({ length: 9 }, () => 'a'))).toBeUndefined()
  expect(subtestFolder('generic/001')).toBe('generic.001')
  expect(subtestFolder('..')).toBe('unnamed')
})
