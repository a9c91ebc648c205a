/** The HTML report in a real browser: it renders, its figures are those of the record, and everybody can use it. */
import { describe, expect, test } from 'vitest'
import { renderIndex } from '../../../src/report/html/index-page.ts'
import { renderHtml } from '../../../src/report/html/page.ts'
import { type RunRecord, parseRecord } from '../../../src/report/record.ts'
import { stateOf } from '../../../src/report/outcome.ts'
import { ratiosOf, rowsOf, verdictOf } from '../../../src/report/view.ts'
import { fullRecord, recordOf, results } from '../fixtures.ts'
import { largeRecord } from '../large-record.ts'
import { storedRecord, storedRecords } from '../stored.ts'
import { useBrowser, violations } from './browser.ts'
import { browserPath } from './path.ts'

const small = largeRecord({ scenarios: 2, repetitions: 6, flows: 3, cores: 2, steps: 300 })
/** As much of everything as an audit of every element needs. */
const least = largeRecord({ scenarios: 1, repetitions: 2, flows: 2, cores: 1, steps: 24 })

describe.skipIf(browserPath === undefined)('the HTML report in a browser', { timeout: 60_000 }, () => {
  const browser = useBrowser()

  test('its figures are those of the record', async () => {
    const { page, complaints } = await browser.open(renderHtml(small))
    const rows = await page.locator('table.verdicts tbody tr').evaluateAll((all) =>
      all.map((row) => ({
        name: row.getAttribute('data-test'),
        mode: row.getAttribute('data-mode'),
        state: row.querySelector('.state')!.textContent,
        mean: Number(row.querySelector('[data-mean]')!.getAttribute('data-mean')),
        halfWidth: Number(row.querySelector('[data-mean]')!.getAttribute('data-half-width')),
        shown: row.querySelector('[data-mean]')!.textContent.trim(),
      })),
    )
    expect(rows).toHaveLength(small.tests.length)
    for (const each of small.tests) {
      const row = rows.find(({ name, mode }) => name === each.name && mode === each.mode)!
      const verdict = verdictOf(each)!
      if (!('statistics' in verdict)) throw new Error('the fixture has figures')
      expect(row.state).toBe(verdict.state)
      expect(row.mean).toBe(verdict.statistics.mean)
      expect(row.halfWidth).toBe(verdict.statistics.interval!.halfWidth)
      expect(verdict.sentence).toContain(row.shown.replace(' Gbit/s', ''))
    }
    const values = await page
      .locator('table.repetitions [data-value]')
      .evaluateAll((all) => all.map((cell) => Number(cell.getAttribute('data-value'))))
    const recorded = small.tests.flatMap((each) => {
      const verdict = verdictOf(each)!
      return 'statistics' in verdict ? verdict.statistics.values : []
    })
    expect(values.toSorted()).toEqual(recorded.toSorted())
    const ratios = await page
      .locator('[data-ratio]')
      .evaluateAll((all) => all.map((cell) => Number(cell.getAttribute('data-ratio'))))
    expect(ratios).toEqual(ratiosOf(small).map(({ ratio }) => ratio))
    expect(complaints).toEqual([])
  })

  test('what a chart draws lies where its figures say', async () => {
    const { page } = await browser.open(renderHtml(small))
    const first = small.tests[0]!
    const dots = await page
      .locator('article')
      .first()
      .locator('figure', { hasText: 'Repetitions against the threshold' })
      .locator('svg')
      .evaluate((svg) => {
        const ticks = [...svg.querySelectorAll('text')]
          .filter((text) => /^[\d.]+$/.test(text.textContent))
          .map((text) => [
            Number(text.textContent),
            Number(/translate\(([\d.]+)/.exec(text.getAttribute('transform')!)![1]),
          ])
        const marks = [...svg.querySelectorAll('path[fill-opacity],path[opacity]')].map((path) =>
          Number(
            /matrix\([^)]*?,([\d.]+),[\d.]+\)|translate\(([\d.]+)/
              .exec(path.getAttribute('transform') ?? '')
              ?.slice(1)
              .find(Boolean),
          ),
        )
        return { ticks, marks }
      })
    const [[lowValue, lowX], [highValue, highX]] = [dots.ticks[0]!, dots.ticks.at(-1)!] as [
      number[],
      number[],
    ]
    const place = (gbit: number): number =>
      lowX! + ((gbit - lowValue!) / (highValue! - lowValue!)) * (highX! - lowX!)
    const verdict = verdictOf(first)!
    const values = 'statistics' in verdict ? verdict.statistics.values : []
    for (const value of values) {
      const expected = place(value / 1e9)
      expect(
        dots.marks.some((x) => Math.abs(x - expected) < 1),
        `${value} at ${expected} in ${dots.marks}`,
      ).toBe(true)
    }
  })

  test.each(['light', 'dark'] as const)('anybody can read it: %s', async (colorScheme) => {
    const { page, complaints } = await browser.open(renderHtml(least), { colorScheme })
    await page.locator('details').evaluateAll((all) => all.forEach((each) => each.setAttribute('open', '')))
    await page.locator('button.mark').first().click()
    expect(await violations(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  test('every state of a test renders, also without counters, steps, figures and an end', async () => {
    for (const record of [
      fullRecord(),
      recordOf(...Object.values(results)),
      recordOf(),
      { ...fullRecord(), finishedAt: undefined, interruptedBy: 'SIGINT' as const },
    ]) {
      const { page, complaints } = await browser.open(renderHtml(record))
      expect(await page.locator('table.verdicts tbody tr').count()).toBe(record.tests.length)
      expect(await violations(page)).toEqual([])
      expect(complaints).toEqual([])
    }
  })

  test('the list of several runs is read by anybody, on a phone too; its names stay text', async () => {
    const evil = `"><img src=x onerror="alert('in')">`
    const runs = storedRecords().map(({ name, record }) => ({ record: { ...record, tag: evil }, page: name }))
    const { page, complaints } = await browser.open(renderIndex(runs, [evil]), { width: 360 })
    expect(await page.locator('table.runs tbody a').count()).toBe(runs.length)
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth)).toBe(0)
    expect(await violations(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  test('a line of one interval is drawn, too', async () => {
    const record = storedRecord('excused-and-compared.json')
    expect(record.tests[0]!.repetitions[0]!.flows[0]!.receiver!.intervals).toHaveLength(1)
    const { page } = await browser.open(renderHtml(record))
    const chart = page.locator('figure', { hasText: 'Throughput over time' }).first()
    const lengths = await chart
      .locator('path[stroke-width="1.3"]')
      .evaluateAll((all) =>
        all.map((path) => (path as unknown as { getTotalLength(): number }).getTotalLength()),
      )
    expect(Math.min(...lengths)).toBeGreaterThan(100)
  })

  test('a phone shows it without moving the page sideways', async () => {
    const { page } = await browser.open(renderHtml(small), { width: 360 })
    const wider = await page.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth)
    expect(wider).toBe(0)
  })

  test('stored runs show their verdicts, on a phone too: old, killed, measured once, with every verdict', async () => {
    for (const { name, record } of storedRecords()) {
      const { page, complaints } = await browser.open(renderHtml(record), { width: 360 })
      const states = await page.locator('table.verdicts tbody .state').allTextContents()
      expect(states, name).toEqual(rowsOf(record).map(({ test: each }) => stateOf(each.result)))
      const wider = await page.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth)
      expect(wider, name).toBe(0)
      expect(complaints, name).toEqual([])
    }
  })

  test('no text of a record is markup, in tables and charts neither', async () => {
    const evil = `<img src=x onerror="alert('in')"><script>alert('in')</script>]]></svg>`
    const { page, complaints } = await browser.open(renderHtml(withTexts(evil)))
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('script').count()).toBe(2)
    expect(await page.locator('svg').count()).toBeGreaterThan(3)
    expect(complaints).toEqual([])
  })

  test('on paper it is dark on white, and what was folded is there', async () => {
    const { page } = await browser.open(renderHtml(least), { colorScheme: 'dark' })
    const figures = page.locator('table.repetitions').first()
    expect(await figures.isVisible()).toBe(false)
    await page.emulateMedia({ media: 'print' })
    expect(await figures.isVisible()).toBe(true)
    const paper = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    expect(paper).toBe('rgb(255, 255, 255)')
  })

  test('the timeline opens a step by keyboard and by click, finds, and shows failures alone', async () => {
    const { page, complaints } = await browser.open(renderHtml(small))
    expect(await page.locator('button.mark').count()).toBe(small.steps.length)
    const output = page.locator('#timeline-output')
    await page.locator('#timeline-lanes').focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    expect(await output.isVisible()).toBe(true)
    const lane = small.steps.filter(({ machine }) => machine === small.steps[0]!.machine)
    expect(await output.locator('pre').textContent()).toBe(lane[1]!.output)
    await page.keyboard.press('Escape')
    expect(await output.isVisible()).toBe(false)
    expect(await page.locator('button.mark:focus').count()).toBe(1)
    await page.locator('#timeline-find').fill('line of output 17\n'.trim())
    expect(await page.locator('button.mark:visible').count()).toBe(
      small.steps.filter(({ output: text }) => text!.includes('line of output 17')).length,
    )
    await page.locator('#timeline-find').fill('')
    await page.locator('#timeline-failed').check()
    expect(await page.locator('button.mark:visible').count()).toBe(
      small.steps.filter(({ outcome }) => outcome === 'failed').length,
    )
    await page.locator('#timeline-failed').uncheck()
    const before = await page.locator('.lanes-inner').evaluate((inner) => inner.clientWidth)
    await page.getByRole('button', { name: 'Zoom in' }).click()
    expect(await page.locator('.lanes-inner').evaluate((inner) => inner.clientWidth)).toBeGreaterThan(
      before * 1.9,
    )
    expect(complaints).toEqual([])
  })

  test('names and outputs of others stay text', async () => {
    const evil = `</script><img src=x onerror="alert('in')"><script>alert('in')</script>`
    const record = fullRecord()
    const hostile = {
      ...record,
      tag: evil,
      notices: [evil],
      tests: record.tests.map((each) => ({ ...each, name: evil, artifacts: [evil] })),
      machines: record.machines.map((each) => ({ ...each, name: evil, cpu: evil })),
      config: { ...record.config, name: evil, content: { evil } },
      steps: small.steps.slice(0, 9).map((step) => ({ ...step, name: evil, machine: evil, output: evil })),
    }
    const { page, complaints } = await browser.open(renderHtml(hostile))
    expect(await page.locator('img').count()).toBe(0)
    await page.locator('button.mark').first().click()
    expect(await page.locator('#timeline-output pre').textContent()).toBe(evil)
    expect(complaints).toEqual([])
  })
})

/** A run with figures, of which every text that is not a word of dpbench's own or a time is replaced. */
function withTexts(text: string): RunRecord {
  const own = new Set([
    'state',
    'rule',
    'role',
    'kind',
    'outcome',
    'startedAt',
    'finishedAt',
    'unit',
    'bound',
  ])
  const replaced = JSON.stringify(least, (key, value: unknown) =>
    typeof value === 'string' && !own.has(key) && key !== 'onUnprovenMode' ? text : value,
  )
  return parseRecord(replaced, 'hostile')
}
