import { expect, test } from 'vitest'
import { takeOptions } from '../../bin/options.ts'
import { runOptions } from '../../bin/run.ts'
import { UsageError } from '../../src/core/errors.ts'
import { readSettings } from '../../src/vitest/settings.ts'
import { plainProject } from '../e2e/support/plain-project.ts'

const suites = Object.fromEntries(
  ['a', 'b', 'c', 'd'].map((suite) => [
    suite,
    Object.fromEntries([1, 2, 3].map((number) => [`${suite} ${number}`, ''])),
  ]),
)

test(
  'a seed orders suites and tests, is printed and recorded, and repeats the order',
  { timeout: 60_000 },
  async () => {
    const project = await plainProject(suites)
    const orderOf = (text: string, mode = 'offload'): string[] =>
      text.match(new RegExp(`(?<=▶ ${mode} {2})\\S+ \\d`, 'g')) ?? []
    const listed = Object.values(suites).flatMap((tests) => Object.keys(tests))
    const first = await project.run('--mode', 'both', '--shuffle')
    const [, seed] = /^order shuffled; --shuffle (\d+) repeats it$/m.exec(first.text)!
    const order = orderOf(first.text)
    expect(order.toSorted()).toEqual(listed)
    // or drift over time would look like a difference of the modes
    expect(orderOf(first.text, 'non-offload')).toEqual(order)
    expect((await project.record()).options).toMatchObject({ DPBENCH_SHUFFLE: seed })
    const again = await project.run('--mode', 'both', '--shuffle', seed!)
    expect(orderOf(again.text)).toEqual(order)
    expect(order).not.toEqual(listed) // by chance once in thirty thousand runs
  },
)

test('a seed is taken when it follows, and a suite that follows is not one', () => {
  const values = (...argv: string[]): unknown => takeOptions(argv, runOptions)
  expect(values('--shuffle', '42', 'vm2vm')).toEqual({ values: { shuffle: '42' }, rest: ['vm2vm'] })
  expect(values('--shuffle', 'vm2vm')).toEqual({ values: { shuffle: true }, rest: ['vm2vm'] })
  expect(values('--shuffle=42')).toEqual({ values: { shuffle: '42' }, rest: [] })
  expect(values('vm2vm', '--shuffle')).toEqual({ values: { shuffle: true }, rest: ['vm2vm'] })
})

test('no seed is asked for, one by chance, a given one, and what is none is refused', () => {
  const seedOf = (DPBENCH_SHUFFLE?: string): number | undefined =>
    readSettings({ DPBENCH_MODE: 'both', DPBENCH_SHUFFLE }).shuffleSeed
  expect(seedOf()).toBeUndefined()
  expect(seedOf('false')).toBeUndefined()
  expect(seedOf('0')).toBe(0)
  expect(seedOf('true')).toEqual(expect.any(Number))
  expect(seedOf('true')).not.toBe(seedOf('true'))
  expect(() => seedOf('x')).toThrow(UsageError)
  expect(() => seedOf('-1')).toThrow(/--shuffle \(DPBENCH_SHUFFLE\) is "-1": write a seed/)
})
