/** A real browser for the HTML reports: Debian's Chromium without a window, driven by Playwright. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import axe from 'axe-core'
import { type Browser, type Page, chromium } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { browserPath } from './path.ts'

export interface Opened {
  readonly page: Page
  /** Everything that a sound page has none of: errors, warnings, requests beyond the file itself. */
  readonly complaints: string[]
}

export interface View {
  readonly colorScheme?: 'light' | 'dark'
  readonly width?: number
}

/** One browser for the tests of a file. */
export function useBrowser(): { open(html: string, view?: View): Promise<Opened> } {
  let browser: Browser
  let folder: string
  let count = 0
  beforeAll(async () => {
    if (browserPath === undefined) return
    folder = await mkdtemp(join(tmpdir(), 'dpbench-page-'))
    // root may not use Chromium's sandbox, and the pages are our own
    browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    if (folder) await rm(folder, { recursive: true, force: true })
  })
  return {
    async open(html, { colorScheme = 'light', width = 1100 } = {}) {
      const file = join(folder, `${++count}.html`)
      await writeFile(file, html)
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 }, offline: true })
      onTestFinished(() => page.close())
      const complaints: string[] = []
      page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('dialog', (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`)
        void dialog.dismiss()
      })
      const address = pathToFileURL(file).href
      page.on('request', (request) => {
        if (request.url() !== address) complaints.push(`request: ${request.url()}`)
      })
      await page.goto(address)
      return { page, complaints }
    },
  }
}

/** What keeps people out, by axe's rules: one line per element. */
export async function violations(page: Page): Promise<string[]> {
  // by the debugger's way, which the page's policy does not bind
  await page.evaluate(axe.source)
  const { violations: found } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run(),
  )
  return found.flatMap(({ id, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}
