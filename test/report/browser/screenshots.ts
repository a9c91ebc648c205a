/**
 * The screenshots of docs/reports.md, taken by Chromium from the HTML report of a run:
 *
 *   node test/report/browser/screenshots.ts results/latest/run.json docs/pictures
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Page, chromium } from 'playwright-core'
import { renderHtml } from '../../../src/report/html/page.ts'
import { parseRecord } from '../../../src/report/record.ts'
import { browserPath } from './path.ts'

interface Shot {
  readonly name: string
  readonly colorScheme: 'light' | 'dark'
  readonly width: number
  readonly height: number
  /** Brings the page to what is to be seen. */
  readonly prepare: (page: Page) => Promise<void>
}

const wide = { width: 1100, height: 900 }
const phone = { width: 360, height: 740 }
const top = async (): Promise<void> => {}

const shots: readonly Shot[] = [
  { name: 'verdicts-light', colorScheme: 'light', ...wide, prepare: top },
  { name: 'verdicts-dark', colorScheme: 'dark', ...wide, prepare: top },
  { name: 'verdicts-phone', colorScheme: 'light', ...phone, prepare: top },
  { name: 'test-light', colorScheme: 'light', width: 1100, height: 1250, prepare: firstTest },
  { name: 'test-dark', colorScheme: 'dark', width: 1100, height: 1250, prepare: firstTest },
  { name: 'test-phone', colorScheme: 'dark', ...phone, prepare: firstTest },
  { name: 'timeline-light', colorScheme: 'light', ...wide, prepare: openedStep },
  { name: 'timeline-dark', colorScheme: 'dark', ...wide, prepare: openedStep },
]

const [recordFile, folder] = process.argv.slice(2)
if (recordFile === undefined || folder === undefined || browserPath === undefined) {
  process.stderr.write(
    'node test/report/browser/screenshots.ts <run.json> <folder>; Chromium must be in the PATH\n',
  )
  process.exit(2)
}
const temporary = await mkdtemp(join(tmpdir(), 'dpbench-screenshots-'))
// root may not use Chromium's sandbox, and the page is our own
const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
try {
  const file = join(temporary, 'report.html')
  await writeFile(file, renderHtml(parseRecord(await readFile(recordFile, 'utf8'), recordFile)))
  await mkdir(folder, { recursive: true })
  for (const shot of shots) await take(shot, file, folder)
} finally {
  await browser.close()
  await rm(temporary, { recursive: true, force: true })
}

async function take(
  { name, colorScheme, width, height, prepare }: Shot,
  file: string,
  into: string,
): Promise<void> {
  const page = await browser.newPage({ colorScheme, viewport: { width, height } })
  await page.goto(pathToFileURL(file).href)
  await prepare(page)
  await page.screenshot({ path: join(into, `${name}.png`) })
  await page.close()
}

/** The charts of the first test that has some. */
async function firstTest(page: Page): Promise<void> {
  await page
    .locator('article figure')
    .first()
    .evaluate((figure) => figure.scrollIntoView())
}

/** The longest step of a command that printed something. */
async function openedStep(page: Page): Promise<void> {
  const steps = page.locator('button.mark.command')
  if ((await steps.count()) === 0) return
  const widths = await steps.evaluateAll((all) => all.map((step) => step.getBoundingClientRect().width))
  await steps
    .nth(widths.indexOf(Math.max(...widths)))
    .evaluate((step) => (step as unknown as { click(): void }).click())
  await page.locator('#timeline-title').evaluate((title) => title.scrollIntoView())
}
