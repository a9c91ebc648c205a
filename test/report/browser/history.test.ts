/** The page of a history in a real browser: it renders, its figures are those of the runs, and everybody can use it. */
import { describe, expect, test } from 'vitest'
import { historyOf } from '../../../src/report/history.ts'
import { historyHtml } from '../../../src/report/history-html.ts'
import { stretchRows } from '../../../src/report/history-view.ts'
import { slowFrom15 } from '../history-fixtures.ts'
import { useBrowser, violations } from './browser.ts'
import { browserPath } from './path.ts'

describe.skipIf(browserPath === undefined)('the page of a history in a browser', { timeout: 60_000 }, () => {
  const browser = useBrowser()
  const history = historyOf(slowFrom15())
  const html = historyHtml(history, [], 'results')

  test('shows the stretches, and draws a mark at the change', async () => {
    const { page, complaints } = await browser.open(html)
    const rows = await page
      .locator('article > .scroll tbody tr')
      .evaluateAll((all) => all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent)))
    expect(rows).toEqual(stretchRows(history[0]!))
    expect(await page.locator('svg[role=img]').getAttribute('aria-label')).toContain('changes: 1')
    expect(await page.locator('.legend li').allTextContents()).toContain('▼ 2026-07-16')
    await page.locator('summary', { hasText: '30 runs' }).click()
    expect(await page.getByText('run-30', { exact: true }).isVisible()).toBe(true)
    expect(complaints).toEqual([])
  })

  test.for(['light', 'dark'] as const)(
    'has nothing that keeps anybody out, on a phone in %s',
    async (colorScheme) => {
      const { page } = await browser.open(html, { colorScheme, width: 390 })
      expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true)
      expect(await violations(page)).toEqual([])
    },
  )
})
