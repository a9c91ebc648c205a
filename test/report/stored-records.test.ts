/** Records written by hand, as a stored run may be: each renders in every form, or is refused with a sentence. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { report } from '../../bin/report.ts'
import { forms } from '../../src/report/forms.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { outcomeOf } from '../../src/report/outcome.ts'
import { renderTerminal } from '../../src/report/terminal.ts'
import { collectOutput } from './output.ts'
import { storedFolder as folder, storedRecord as read, storedRecords } from './stored.ts'

test.each(storedRecords())('$name renders in every form', async ({ record }) => {
  const rendered = [
    renderTerminal(record, { color: false }),
    ...(await Promise.all(Object.values(forms).map(({ render }) => render(record)))),
  ]
  for (const whole of rendered) {
    // the page's own program is no text that anybody reads
    const text = whole.replaceAll(/<script>[^]*?<\/script>/g, '')
    expect(/.{0,40}(?:\bundefined\b|\bNaN\b|\bInfinity\b|\[object ).{0,40}/.exec(text)?.[0]).toBeUndefined()
    for (const each of record.tests) expect(text.includes(each.name), each.name).toBe(true)
  }
})

describe('every-verdict.json', () => {
  const record = read('every-verdict.json')

  test('has every verdict, and counts and exit code of a run that came out so', () => {
    const states = ['PASS', 'FAIL', 'UNSTABLE', 'INVALID', 'ERROR', 'SKIPPED']
    const text = renderTerminal(record, { color: false })
    for (const state of states) expect(text).toMatch(new RegExp(`\\b${state}\\b`))
    expect(outcomeOf(record)).toEqual(record.outcome)
  })

  test('the page says sentence, reasons and causes of each test, and the ratio', async () => {
    const page = await forms.html.render(record)
    for (const said of [
      '8.00 ± 9.94 Gbit/s against 6 expected: unstable',
      'repetition 1 has no figure',
      'core 1 of hypervisor-2 was 99 % busy in repetition 2',
      'expected 2 back ends, saw 1',
      'loss 2.0 % is above 0.5 %',
      'the load balancer could not be removed',
      'iperf3: connection refused',
      'no datagram arrived',
      'clean-up of hypervisor-2',
    ])
      expect(page.includes(said), said).toBe(true)
    // of what was skipped there is its reason and no empty part
    expect(page.match(/<article id="test-\d+">/g)).toHaveLength(11)
    expect(page.match(/took 20\.0 s/g)).toHaveLength(11)
    // 10 Gbit/s by 3 Gbit/s
    expect(page).toContain('3.33 ×')
  })
})

test('every report that is read tells of quarantine, baselines and two modes of a figure', async () => {
  const [excused, bimodal] = [read('excused-and-compared.json'), read('bimodal.json')]
  const readers = [
    (record: RunRecord) => renderTerminal(record, { color: false }),
    ...[forms.summary, forms.markdown, forms.html].map(({ render }) => render),
  ]
  for (const render of readers) {
    const text = await render(excused)
    expect(/quarantined until 2026-12-31/.test(text)).toBe(true)
    expect(/baseline .{0,6}monday.{0,6}: 7\.15 Gbit\/s instead of 9\.41/.test(text)).toBe(true)
    expect(/two modes: 5 around 6\.10 and 5 around 9\.40 Gbit\/s/.test(await render(bimodal))).toBe(true)
  }
})

test('a run that was killed says so, and its steps are there', async () => {
  const page = await forms.html.render(read('killed.json'))
  expect(page).toContain('and never finished')
  expect(page).toContain('interrupted by SIGTERM')
  expect(page).toContain('No test ran.')
  expect(page).toContain('uname: not found')
})

test.each([
  [
    'refused-older.json',
    /^dpbench: .* has schema version 0, and this dpbench reads 1: use an older dpbench for it$/,
  ],
  [
    'refused-newer.json',
    /^dpbench: .* has schema version 2, and this dpbench reads 1: use a newer dpbench for it$/,
  ],
  ['refused-other.json', /^dpbench: .* is not a run record of dpbench: it has no schema_version$/],
  ['refused-cut.json', /^dpbench: .* is not JSON\n {2}because: [^\n]+$/],
  [
    'refused-broken.json',
    /^dpbench: .* is not a sound run record\n {2}✖ modes: [^\n]+\n {2}✖ tests\.0\.suite: [^]+$/,
  ],
] as const)('%s is refused, and the run beside it is reported', async (name, message) => {
  const output = collectOutput()
  expect(await report([join(folder, name), join(folder, 'killed.json')])).toBe(2)
  expect(output.stderr.trim()).toMatch(message)
  expect(output.stdout).toContain('interrupted by SIGTERM')
})
