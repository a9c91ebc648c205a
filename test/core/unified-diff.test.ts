/** The difference of two texts: `git apply` makes the one of the other. */
import { writeFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { unifiedDiff } from '../../src/core/unified-diff.ts'
import { scratchFolder } from '../scratch-folder.ts'

const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index + 1}`)
const text = (list: readonly string[]): string => `${list.join('\n')}\n`
const long = lines(40)
const changed = (changes: Readonly<Record<number, string | undefined>>): string =>
  text(long.flatMap((line, index) => (index + 1 in changes ? (changes[index + 1] ?? []) : line)))

describe('unifiedDiff', () => {
  test.each([
    ['one line in the middle', text(long), changed({ 20: 'new' })],
    ['far apart', text(long), changed({ 2: 'new', 39: 'newer' })],
    ['near each other', text(long), changed({ 10: 'new', 15: 'newer' })],
    ['lines that come', text(long), changed({ 5: 'line 5\nnew\nnewer' })],
    ['lines that go', text(long), changed({ 5: undefined, 6: undefined, 30: undefined })],
    ['the first line', text(long), changed({ 1: 'new' })],
    ['no line break at the end', '{\n  "a": 1\n}', '{\n  "a": 2\n}'],
    ['a line break at the end that comes', 'a', 'a\n'],
    ['CRLF', 'a\r\nb\r\n', 'a\r\nc\r\n'],
  ])('%s', async (_, before, after) => {
    const folder = scratchFolder()
    writeFileSync(join(folder, 'file'), before)
    const diff = unifiedDiff(before, after, 'file')
    await runLocally(['git', 'apply', '--unidiff-zero', '--whitespace=nowarn', '-'], {
      cwd: folder,
      input: diff,
    })
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe(after)
  })

  test('shows three lines around what differs', () => {
    expect(unifiedDiff(text(long), changed({ 20: 'new' }), 'file')).toBe(
      [
        '--- a/file',
        '+++ b/file',
        '@@ -17,7 +17,7 @@',
        ' line 17',
        ' line 18',
        ' line 19',
        '-line 20',
        '+new',
        ' line 21',
        ' line 22',
        ' line 23',
        '',
      ].join('\n'),
    )
  })

  test('is empty for equal texts', () => expect(unifiedDiff('a', 'a', 'file')).toBe(''))
})
