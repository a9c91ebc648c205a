/** The tables of docs/performance.md, between their marks. Pure. */
import type { BenchRecord, GrowthResult, RowResult } from './record.ts'
import { markedPage } from './marked-page.ts'
import { plotName } from './plot.ts'
import type { Spread } from './statistics.ts'

/** `page` with the figures of `record` between its marks. @throws Error for a page without them */
export function withFigures(page: string, record: BenchRecord): string {
  const rows = record.parts.filter((part) => part.kind === 'row')
  const growths = record.parts.filter((part) => part.kind === 'growth')
  const text = [...rowTable(rows), ...notesOf(record), ...growthTable(growths), ...plots(growths)].join('\n')
  return markedPage(page, 'npm run bench:self').with(text)
}

function rowTable(rows: readonly RowResult[]): string[] {
  if (rows.length === 0) return []
  const lines = rows.flatMap((row) => [
    line([
      row.what,
      spread(row.ours, row.unit),
      `${row.against}${row.peer ? `: ${spread(row.peer, row.unit)}` : ''}`,
      row.ratio ? `**${figure(row.ratio.median)}** ${row.ratioIs} (${range(row.ratio)})` : '–',
      `${row.reached ? '✓' : '✖'} ${row.reach}`,
      `${row.date}, ${row.commit}`,
      row.machine,
    ]),
    ...row.checks.map((check) =>
      line([
        `– ${check.name}`,
        `${figure(check.value)} ${check.unit}`,
        '',
        '',
        `${check.reached ? '✓' : '✖'} at most ${figure(check.limit)} ${check.unit}`,
        '',
        '',
      ]),
    ),
  ])
  return [
    '| what | dpbench | against | ratio | to reach | measured | machine |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ]
}

function growthTable(growths: readonly GrowthResult[]): string[] {
  if (growths.length === 0) return []
  return [
    '| cost of | against | from | to | grows with | to reach | measured | machine |',
    '|---|---|---|---|---|---|---|---|',
    ...growths.map((growth) => {
      const [first, last] = [growth.points[0]!, growth.points.at(-1)!]
      return line([
        growth.what,
        growth.axis,
        `${first.size}: ${spread(first, growth.unit)}`,
        `${last.size}: ${spread(last, growth.unit)}`,
        `the power **${growth.exponent.toFixed(2)}** of it`,
        `${growth.reached ? '✓' : '✖'} at most ${growth.limit}`,
        `${growth.date}, ${growth.commit}`,
        growth.machine,
      ])
    }),
    '',
  ]
}

function plots(growths: readonly GrowthResult[]): string[] {
  return growths.flatMap((growth) => [
    `![${growth.what}: cost against ${growth.axis}](pictures/${plotName(growth.name)})`,
    '',
  ])
}

function notesOf({ parts }: BenchRecord): string[] {
  const told = parts.flatMap(({ what, notes }) => notes.map((note) => `- ${what}: ${note}`))
  return told.length === 0 ? [] : [...told, '']
}

const line = (cells: readonly string[]): string =>
  `| ${cells.map((text) => text.replaceAll('|', '/').replaceAll('\n', ' ')).join(' | ')} |`

const spread = (values: Spread, unit: string): string => `${figure(values.median)} ${unit} (${range(values)})`

const range = ({ min, max }: Spread): string => `${figure(min)}–${figure(max)}`

/** Three digits that count; whole numbers whole. */
export function figure(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}
