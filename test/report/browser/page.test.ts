/** The HTML report in a real browser: it renders, its figures are those of the record, and everybody can use it. */
import { basename } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { renderHtml } from '../../../src/report/html/page.ts'
import { ratiosOf, verdictOf } from '../../../src/report/view.ts'
import { stateOf } from '../../../src/report/test-state.ts'
import { fullRecord } from '../fixtures.ts'
import { largeRecord } from '../large-record.ts'
import { soundRuns, storedRun } from '../stored-runs.ts'
import { browserPath } from './browser-path.ts'
import { useBrowser } from './browser.ts'

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
    for (const file of soundRuns) {
      const record = storedRun(basename(file, '.json'))
      const { page, complaints } = await browser.open(renderHtml(record))
      const states = await page.locator('table.verdicts .state').allTextContents()
      expect(states.toSorted()).toEqual(record.tests.map(({ result }) => stateOf(result)).toSorted())
      expect(complaints).toEqual([])
    }
  })

  test('anybody can read every state of a test', async () => {
    const { page } = await browser.open(renderHtml(storedRun('every-verdict')))
    expect(await violations(page)).toEqual([])
  })

  test('a line of one interval is drawn, too', async () => {
    const record = storedRun('every-verdict')
    expect(record.tests[0]!.repetitions[0]!.flows[0]!.receiver!.intervals).toHaveLength(1)
    const { page } = await browser.open(renderHtml(record))
    const chart = page.locator('figure', { hasText: 'Throughput over time' }).first().locator('svg')
    const lines = await chart
      .locator('path[stroke-width="1.3"]')
      .evaluateAll((all) =>
        all.map((path) => (path as unknown as { getTotalLength(): number }).getTotalLength()),
      )
    expect(lines.length).toBeGreaterThan(0)
    expect(Math.min(...lines)).toBeGreaterThan(100)
  })

  test('a phone shows it without moving the page sideways', async () => {
    const { page } = await browser.open(renderHtml(small), { width: 360 })
    const wider = await page.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth)
    expect(wider).toBe(0)
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
      small.steps.filter(({ outcome }) => outcome !== 'ok').length,
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

async function violations(page: Page): Promise<string[]> {
  // by the debugger's way, which the page's policy does not bind
  await page.evaluate(axe.source)
  const { violations: found } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run(),
  )
  return found.flatMap(({ id, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}
