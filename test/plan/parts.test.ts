import { expect, test } from 'vitest'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import { Assumed } from '../../src/plan/assumed.ts'
import { shellWords } from '../../src/plan/shell-words.ts'
import { tagsMatch } from '../../src/plan/tags.ts'

test.each([
  ['!traffic', [], true],
  ['!traffic', ['traffic'], false],
  ['traffic', ['traffic', 'slow'], true],
  ['traffic && !slow', ['traffic', 'slow'], false],
  ['traffic and not (slow or long)', ['traffic'], true],
  ['slow || traffic && long', ['slow'], true],
  ['tr*', ['traffic'], true],
  ['tr*', ['other'], false],
] as const)('--tags %s with %j: %s', (expression, tags, runs) => {
  expect(tagsMatch(expression, tags)).toBe(runs)
})

test.each([[['iperf3', '-c', '10.0.0.1']], [["it's", 'a b', '$x', '']], [["'", "''"]]])(
  'words of %j come back from their line',
  (argv) => {
    expect(shellWords(quoteArgv(argv))).toEqual(argv)
  },
)

test('what is assumed is shown by its name, and a shell would not have quoted it', () => {
  const assumed = new Assumed()
  const token = assumed.token('underlay address of the NAT of vm3')
  expect(quoteArgv([`--next-hop-ip=${token}`])).toBe(`--next-hop-ip=${token}`)
  expect(assumed.show(`a ${token} 50%`)).toBe('a <underlay address of the NAT of vm3> 50%')
})
