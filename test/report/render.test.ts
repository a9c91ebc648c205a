import { describe, expect, test } from 'vitest'
import { XMLParser } from 'fast-xml-parser'
import { runLocally } from '../../src/core/local-command.ts'
import { renderJunit } from '../../src/report/junit.ts'
import { renderSummary } from '../../src/report/summary.ts'
import { renderTerminal, wantsColor } from '../../src/report/terminal.ts'
import { RunRecorder } from '../../src/report/recorder.ts'
import { ratioText, ratiosOf } from '../../src/report/view.ts'
import type { Metric } from '../../src/verdict/metric.ts'
import { summarise } from '../../src/verdict/statistics.ts'
import { entry, start, fullRecord, notice, recordOf, results } from './fixtures.ts'

// oxlint-disable-next-line no-control-regex -- colour codes are what is looked for
const colourCode = /\u001B\[\d+m/g

describe('the terminal', () => {
  test('golden', async () => {
    await expect(renderTerminal(fullRecord(), { color: false })).toMatchFileSnapshot('golden/terminal.txt')
  })

  test('without colour it has no codes, and with colour the same words', () => {
    const plain = renderTerminal(fullRecord(), { color: false })
    const coloured = renderTerminal(fullRecord(), { color: true })
    expect(plain).not.toMatch(colourCode)
    expect(coloured).toMatch(colourCode)
    expect(coloured.replaceAll(colourCode, '')).toBe(plain)
  })

  test('a run that passed says little: the table and the end', () => {
    const lines = renderTerminal(recordOf(results.pass), { color: false }).trim().split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[2]).toContain('9.410 ± 0.009 Gbit/s')
    expect(lines.at(-1)).toBe('1 passed; exit code 0')
  })

  test('an empty run says so', () => {
    expect(renderTerminal(recordOf(), { color: false })).toBe('no test ran; exit code 3\n')
  })

  test.for([
    [true, {}, true],
    [undefined, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    [undefined, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [true, { TERM: 'dumb' }, false],
  ] as const)('terminal %s, environment %o: colour %s', ([isTTY, environment, expected]) => {
    expect(wantsColor({ isTTY }, environment)).toBe(expected)
  })
})

test('figures beside throughput have a ratio too, where there is one', () => {
  const metric = (name: string, values: readonly number[]): Metric => ({
    name,
    unit: 's',
    statistics: summarise(values),
  })
  const recorder = new RunRecorder(start)
  for (const [mode, factor] of [
    ['offload', 1],
    ['non-offload', 2],
  ] as const) {
    const metrics = [
      metric(
        'median',
        [1, 1.1, 0.9].map((value) => value * factor),
      ),
      metric('loss', [0, 0, 0]),
    ]
    recorder.test(entry(results.passed, { mode, metrics: [{ measurement: 'ping', metrics, notes: [] }] }))
  }
  const [ratio, ...more] = ratiosOf(recorder.finish())
  expect(ratio).toMatchObject({ suite: 'vm2vm', name: 'IPv4 on one hypervisor: ping, median' })
  expect(ratioText(ratio!)).toBe('0.50 × (0.40 to 0.63)')
  expect(ratioText({ ratio: 3, interval: null })).toBe('3.00 × (no interval)')
  expect(more).toEqual([])
})

test('the ratio of the modes is that of the means, and only where both have one', () => {
  const [ratio, ...more] = ratiosOf(fullRecord())
  expect(ratio).toMatchObject({ suite: 'vm2vm', name: 'IPv4 on one hypervisor' })
  expect(ratio?.ratio).toBeCloseTo(9.41 / (11.35 / 6), 6)
  expect(more.map(({ name }) => name)).toEqual(['IPv6 between hypervisors'])
  expect(ratiosOf(recordOf(results.pass))).toEqual([])
})

describe('JUnit', () => {
  test('golden', async () => {
    await expect(renderJunit(fullRecord())).toMatchFileSnapshot('golden/junit.xml')
  })

  test.for([
    ['every kind of result', fullRecord()],
    ['one passed', recordOf(results.pass)],
    ['no test', recordOf()],
  ] as const)('%s is valid', async ([, record]) => {
    const schema = new URL('fixtures/junit.xsd', import.meta.url).pathname
    await runLocally(['xmllint', '--noout', '--schema', schema, '-'], { input: renderJunit(record) })
  })

  test('FAIL and UNSTABLE are failures, INVALID and trouble are errors', () => {
    const document = new XMLParser({
      ignoreAttributes: false,
      isArray: (name) => name.startsWith('test'),
    }).parse(renderJunit(fullRecord()))
    const [{ testsuite }] = document.testsuites
    const numbers = testsuite.map((suite: Record<string, string>) =>
      ['@_name', '@_tests', '@_failures', '@_errors', '@_skipped'].map((attribute) => suite[attribute]),
    )
    expect(numbers).toEqual([
      ['vm2vm.offload', '3', '1', '1', '0'],
      ['nat.offload', '1', '0', '1', '0'],
      ['lb.offload', '1', '0', '0', '1'],
      ['vm2vm.non-offload', '2', '1', '0', '0'],
      ['dpbench', '2', '0', '2', '0'],
    ])
    const failure = testsuite[0].testcase[1].failure
    expect(failure['@_message']).toContain('< 8 expected (offload, remote_vm2vm)')
  })
})

describe('the summary', () => {
  test('golden', async () => {
    await expect(renderSummary(fullRecord())).toMatchFileSnapshot('golden/summary.md')
  })

  test('says the notice before any figure, and lets no name break the table', () => {
    const text = renderSummary(fullRecord())
    expect(text.indexOf(notice)).toBeLessThan(text.indexOf('Gbit/s'))
    expect(text).toContain('IPv4 with a &lt;name\\> & "quotes" \\| pipe')
  })
})
