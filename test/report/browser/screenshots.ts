/**
 * The pictures of docs/reports.md, taken in Chromium of a stored run's page: light, dark, the timeline with an output open,
 * and a phone.
 *
 *   node test/report/browser/screenshots.ts results/latest/run.json docs/pictures
 */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, type Page, chromium } from 'playwright-core'
import { renderHtml } from '../../../src/report/html/page.ts'
import { parseRecord } from '../../../src/report/record.ts'
import { browserPath } from './browser-path.ts'

/** A page of docs loads all of them. */
const mostBytes = 300_000

interface Picture {
  readonly name: string
  readonly colorScheme: 'light' | 'dark'
  readonly width: number
  readonly height: number
  /** What to do before it is taken. */
  prepare?(page: Page): Promise<void>
}

const pictures: readonly Picture[] = [
  { name: 'light', colorScheme: 'light', width: 1000, height: 760 },
  { name: 'dark', colorScheme: 'dark', width: 1000, height: 1000, prepare: (page) => toTop(page, '#tests') },
  { name: 'timeline', colorScheme: 'light', width: 1000, height: 820, prepare: openStep },
  { name: 'phone', colorScheme: 'dark', width: 360, height: 720 },
]

const [recordFile, folder] = process.argv.slice(2)
if (recordFile === undefined || folder === undefined || browserPath === undefined) {
  const lacking = browserPath === undefined ? 'Chromium is not in the PATH: apt-get install chromium' : ''
  process.stderr.write(`node test/report/browser/screenshots.ts <run.json> <folder>\n${lacking}\n`)
  process.exit(2)
}
const page = renderHtml(parseRecord(await readFile(recordFile, 'utf8'), recordFile))
const temporary = await mkdtemp(join(tmpdir(), 'dpbench-pictures-'))
const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
try {
  const file = join(temporary, 'report.html')
  await writeFile(file, page)
  await mkdir(folder, { recursive: true })
  for (const picture of pictures) await take(browser, pathToFileURL(file).href, picture, folder)
} finally {
  await browser.close()
  await rm(temporary, { recursive: true, force: true })
}

async function take(
  from: Browser,
  address: string,
  { name, colorScheme, width, height, prepare }: Picture,
  into: string,
): Promise<void> {
  const opened = await from.newPage({ colorScheme, viewport: { width, height } })
  await opened.goto(address)
  await prepare?.(opened)
  const path = join(into, `report-${name}.png`)
  await opened.screenshot({ path })
  await opened.close()
  const { size } = await stat(path)
  process.stdout.write(`${path}: ${Math.ceil(size / 1000)} kB\n`)
  if (size > mostBytes) throw new Error(`${path} is larger than ${mostBytes} bytes: make its window smaller`)
}

function toTop(opened: Page, selector: string): Promise<void> {
  return opened.locator(selector).evaluate((element) => element.scrollIntoView())
}

/** The longest step that printed something, with the lanes above it. */
async function openStep(opened: Page): Promise<void> {
  const marks = opened.locator('button.mark')
  const data = (await opened.locator('#timeline-data').textContent()) ?? ''
  const told = JSON.parse(data) as { marks: { for: number; kind: string; output?: string }[] }
  const lengths = told.marks.map((mark) => (mark.kind !== 'phase' && mark.output ? mark.for : -1))
  const longest = lengths.indexOf(Math.max(...lengths))
  await marks.nth(longest).click()
  await toTop(opened, '#timeline-title')
}
