/** The table of docs/reliability.md: each row is what one property came to when it was last measured. Pure. */
import { markedPage } from '../../../bench/marked-page.ts'

export interface Row {
  readonly property: string
  readonly counted: string
  readonly tried: number
  readonly faults: number
  /** `2026-11-21` */
  readonly date: string
  readonly machine: string
}

const heading = ['| property | tried | faults found | on | machine |', '|---|---|---|---|---|']

/**
 * `page` with `rows` in its table: a row of the same property is replaced, others stay, so that a part may be measured alone.
 * @throws Error for a page without its marks
 */
export function withRows(page: string, rows: readonly Row[]): string {
  const marked = markedPage(page, 'npm run test:faults')
  const old = marked.inside.split('\n').filter((line) => line.startsWith('| ') && !heading.includes(line))
  const all = new Map(old.map((line) => [propertyOf(line), line]))
  for (const row of rows) all.set(cell(row.property), lineOf(row))
  return marked.with(`${[...heading, ...all.values()].join('\n')}\n`)
}

function lineOf({ property, counted, tried, faults, date, machine }: Row): string {
  return `| ${[cell(property), `${tried} ${cell(counted)}`, String(faults), date, cell(machine)].join(' | ')} |`
}

function propertyOf(line: string): string {
  return line.slice(2).split(' | ')[0]!.trim()
}

const cell = (text: string): string => text.replaceAll('|', '/').replaceAll('\n', ' ')
