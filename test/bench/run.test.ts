import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Growth, type Row, atMost, timesAsLong, timesFaster } from '../../bench/part.ts'
import { withFigures } from '../../bench/page.ts'
import { readRecord } from '../../bench/record.ts'
import { allParts, chosenParts, runParts, writeFigures } from '../../bench/run.ts'
import { scratchFolder } from '../scratch-folder.ts'

const where = { date: '2026-11-21', machine: '2 × CPU, 24 GiB', commit: 'abc1234' }
const marks =
  '<!-- written by `npm run bench:self`: begin -->\n\n<!-- written by `npm run bench:self`: end -->'

const row = (name: string, more: Partial<Row> = {}): Row => ({
  kind: 'row',
  name,
  what: `row ${name}`,
  against: 'a person',
  unit: 's',
  rounds: 3,
  reach: timesFaster(2),
  prepare: async () => ({ ours: async () => 1, peer: async () => 3 }),
  ...more,
})
const growth: Growth = {
  kind: 'growth',
  name: 'grown',
  what: 'asking',
  axis: 'hosts',
  unit: 's',
  sizes: [1, 2, 4, 8],
  rounds: 2,
  prepare: async () => ({ cost: async (size) => size * size }),
}

const said: string[] = []
beforeEach(() => void (said.length = 0))
const run = (...parts: Parameters<typeof runParts>[0]): ReturnType<typeof runParts> =>
  runParts(parts, { log: (line) => void said.push(line), signal: new AbortController().signal }, where)

describe('a row', () => {
  test('is done in turn, each first in every other round', async () => {
    const order: string[] = []
    const prepare: Row['prepare'] = async () => ({
      ours: async () => order.push('ours'),
      peer: async () => order.push('peer'),
    })
    await run(row('a', { prepare }))
    expect(order).toEqual(['ours', 'peer', 'peer', 'ours', 'ours', 'peer'])
  })

  test.each([
    ['faster enough', timesFaster(3), true],
    ['not fast enough', timesFaster(3.1), false],
    ['as long as allowed, which is ours over theirs', timesAsLong(0.4), true],
    ['longer than allowed', timesAsLong(0.3), false],
    ['below a limit of its own', atMost(1, 's'), true],
    ['above it', atMost(0.9, 's'), false],
  ])('is %s', async (_, reach, reached) => {
    const { results } = await run(row('a', { reach }))
    expect(results).toMatchObject([{ reached }])
  })

  test('is not reached with a check that does not hold', async () => {
    const check = { name: 'bytes', value: 11, unit: 'bytes', limit: 10 }
    const prepare: Row['prepare'] = async () => ({
      ours: async () => 1,
      peer: async () => 9,
      checks: () => [check],
    })
    const { results } = await run(row('a', { prepare }))
    expect(results).toMatchObject([{ reached: false, checks: [{ ...check, reached: false }] }])
  })

  test('that fails says so, gives back what it took, and the others go on', async () => {
    const given: string[] = []
    const prepare: Row['prepare'] = async (stage) => {
      stage.own.defer(() => given.push('back'))
      throw new Error('no such host')
    }
    const { results, failures } = await run(row('a', { prepare }), row('b'))
    expect(failures).toEqual([{ name: 'a', reason: 'no such host' }])
    expect(results.map(({ name }) => name)).toEqual(['b'])
    expect(given).toEqual(['back'])
    expect(said).toContain('a failed: no such host')
  })

  test('is not begun after an interruption', async () => {
    const stop = new AbortController()
    const prepare: Row['prepare'] = async () => ({
      ours: async () => {
        stop.abort(new Error('interrupted'))
        return 1
      },
    })
    const options = { log: () => undefined, signal: stop.signal }
    await expect(runParts([row('a', { prepare }), row('b')], options, where)).rejects.toThrow('interrupted')
  })
})

test('a growth that is quadratic is not reached', async () => {
  const { results } = await run(growth)
  expect(results).toMatchObject([
    { reached: false, limit: 1.5, points: [{ size: 1, median: 1 }, {}, {}, {}] },
  ])
})

describe('what is written', () => {
  test('is a record that reads back, a page and a plot; rows that were not run stay', async () => {
    const folder = scratchFolder()
    mkdirSync(join(folder, 'docs'))
    const page = join(folder, 'docs/performance.md')
    writeFileSync(page, `# Before\n\n${marks}\n\nafter\n`)
    const parts = [row('a'), row('b'), growth]
    await writeFigures(folder, (await run(...parts)).results, parts)
    const slower = row('b', { prepare: async () => ({ ours: async () => 2, peer: async () => 3 }) })
    await writeFigures(folder, (await run(slower)).results, parts)
    const record = await readRecord(join(folder, 'bench-self.json'))
    expect(record.parts.map(({ name, reached }) => [name, reached])).toEqual([
      ['a', true],
      ['b', false],
      ['grown', false],
    ])
    const text = readFileSync(page, 'utf8')
    expect(text).toMatch(/^# Before[^]*after\n$/)
    expect(text).toContain(
      '| row a | 1 s (1–1) | a person: 3 s (3–3) | **3** times faster (3–3) | ✓ at least 2',
    )
    expect(text).toContain('| row b | 2 s (2–2) | a person: 3 s (3–3) | **1.5** times faster (1.5–1.5) | ✖')
    expect(text).toContain('pictures/performance-grown.svg')
    expect(readFileSync(join(folder, 'docs/pictures/performance-grown.svg'), 'utf8')).toMatch(/^<svg/)
  })

  test('is refused over what is no record', async () => {
    const file = join(scratchFolder(), 'bench-self.json')
    writeFileSync(file, '{"version": 2}')
    await expect(readRecord(file)).rejects.toThrow(/is no record of this bench: take it away/)
  })

  test('needs its marks in the page', () => {
    expect(() => withFigures('# nothing', { version: 1, parts: [] })).toThrow(
      /has no place for what npm run bench:self writes/,
    )
  })
})

describe('the parts', () => {
  test('have names of their own, for a command line and a file', async () => {
    const names = (await allParts()).map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
    expect(names.filter((name) => !/^[a-z][a-z0-9-]*$/.test(name))).toEqual([])
    expect(names.length).toBeGreaterThan(5)
  })

  test('are chosen by name, or refused with the nearest one', () => {
    const parts = [row('hosts'), row('commands')]
    expect(chosenParts(parts, ['commands'])).toEqual([parts[1]])
    expect(chosenParts(parts, [])).toEqual(parts)
    const rare: Row = { ...row('rare'), optional: true }
    expect(chosenParts([...parts, rare], []), 'but those that only a name brings').toEqual(parts)
    expect(chosenParts([...parts, rare], ['rare'])).toEqual([rare])
    expect(() => chosenParts(parts, ['host'])).toThrow('there is no part "host": did you mean hosts?')
  })
})
