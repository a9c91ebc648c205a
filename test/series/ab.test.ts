/** A against B: the order, the images, and what is held to be a regression. */
import { describe, expect, test } from 'vitest'
import { DpbenchError, UsageError } from '../../src/core/errors.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { compareSides, comparisonLines, confirm, hasRegression } from '../../src/series/ab/compare-sides.ts'
import { ImageCheck } from '../../src/series/ab/images.ts'
import { abba, orderText } from '../../src/series/ab/order.ts'
import { measured, recordWith } from './fixtures.ts'

const runs = (means: readonly number[], name = 'IPv4 on one hypervisor'): RunRecord[] =>
  means.map((mean) => recordWith([measured([mean, mean], { name })]))
const fast = [9, 9.1, 9.2, 9.05, 9.15]
const slow = fast.map((mean) => mean * 0.8)

describe('the order', () => {
  test.each([
    [1, 'AB'],
    [2, 'ABBA'],
    [3, 'ABBAAB'],
    [5, 'ABBAABBAAB'],
  ])('%d rounds: %s', (rounds, order) => expect(orderText(abba(rounds))).toBe(order))

  test('has as many of each, and no drift in favour of one: equal sums of positions in even rounds', () => {
    const turns = abba(6)
    const sum = (side: string): number =>
      turns.filter((turn) => turn.side === side).reduce((total, { number }) => total + number, 0)
    expect(sum('A')).toBe(sum('B'))
  })
})

describe('the images', () => {
  const names = { A: 'x:1', B: 'x:2' }
  const run = (digest: string): RunRecord => recordWith([], { digest })

  test('are told apart by their digests, however they are named', () => {
    const check = new ImageCheck(names, false)
    check.learn('A', run('one/x@sha256:a'))
    expect(() => check.learn('B', run('other/x@sha256:a'))).toThrow(UsageError)
    expect(() => check.learn('B', run('other/x@sha256:a'))).toThrow(/the same image, sha256:a: .* add --aa/)
  })

  test('may be one with --aa, and only then', () => {
    const check = new ImageCheck(names, true)
    check.learn('A', run('sha256:a'))
    check.learn('B', run('sha256:a'))
    const other = new ImageCheck(names, true)
    other.learn('A', run('sha256:a'))
    expect(() => other.learn('B', run('sha256:b'))).toThrow(/--aa is for one image/)
  })

  test('that change while they are measured end it', () => {
    const check = new ImageCheck(names, false)
    check.learn('A', run('sha256:a'))
    check.learn('B', run('sha256:b'))
    expect(() => check.learn('A', run('sha256:c'))).toThrow(DpbenchError)
    expect(() => check.learn('A', run('sha256:c'))).toThrow(/its tag was moved/)
  })
})

describe('the comparison', () => {
  test('a slower B is a regression when it is seen again', () => {
    const first = compareSides(runs(fast), runs(slow))
    expect(hasRegression(first)).toBe(true)
    const confirmed = confirm(first, compareSides(runs(fast), runs(slow)))
    expect(confirmed).toMatchObject([
      { regressed: true, comparison: { conclusion: 'regression', p: expect.closeTo(0.0079, 3) } },
    ])
    expect(comparisonLines(confirmed).join('\n')).toMatch(
      /: 9\.10.* → 7\.28.*: -20\.0 % .*: a regression\n {2}seen again: /,
    )
  })

  test('and is chance when it is not', () => {
    const confirmed = confirm(compareSides(runs(fast), runs(slow)), compareSides(runs(fast), runs(fast)))
    expect(confirmed).toMatchObject([{ regressed: false }])
    expect(comparisonLines(confirmed)[1]).toMatch(/not seen again, and so not held to be one/)
  })

  test('a faster B, or one that is a little slower, is none', () => {
    expect(hasRegression(compareSides(runs(slow), runs(fast)))).toBe(false)
    expect(hasRegression(compareSides(runs(fast), runs(fast.map((mean) => mean * 0.96))))).toBe(false)
  })

  test('tests that one side alone has are not left out in silence', () => {
    expect(() => compareSides(runs(fast), runs(fast, 'another'))).toThrow(
      /measured on one side alone, .*vm2vm › IPv4 on one hypervisor \(offload\), vm2vm › another \(offload\)/,
    )
  })
})
