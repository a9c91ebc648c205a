/** The report for a terminal: complete without colour, which only repeats what the words say. */
import { join } from 'node:path'
import { styleText } from 'node:util'
import { ExitCode } from '../core/errors.ts'
import type { TestState } from './outcome.ts'
import { type MetricRow, metricRowsOf } from './metrics-view.ts'
import { plainText } from './plain-text.ts'
import { isExcused, quarantineSentence } from './quarantine.ts'
import type { RunRecord } from './record.ts'
import {
  causesOf,
  baselineSentencesOf,
  countsOf,
  explanationOf,
  flightOf,
  logFilesOf,
  notesOf,
  ratioText,
  ratioTitle,
  ratiosOf,
  reasonsOf,
  rowsOf,
  type Row,
} from './view.ts'

export interface TerminalOptions {
  readonly color: boolean
  /** The results folder, as the files in it are to be named; without it they are named as in the record. */
  readonly folder?: string | undefined
}

type Style = Parameters<typeof styleText>[0]
type Paint = (style: Style, text: string) => string

const columns = [
  ['test', 'name'],
  ['mode', 'mode'],
  ['threshold', 'scenario'],
  ['throughput', 'figure'],
  ['expected', 'expected'],
  ['verdict', 'state'],
  ['n', 'n'],
  ['CoV', 'cov'],
  ['by software', 'software'],
] as const satisfies readonly (readonly [string, keyof Row])[]

const metricColumns = [
  ['figure', 'metric'],
  ['mode', 'mode'],
  ['measured', 'figure'],
  ['expected', 'expected'],
  ['verdict', 'state'],
  ['n', 'n'],
  ['CoV', 'cov'],
] as const satisfies readonly (readonly [string, keyof MetricRow])[]

const styles: Record<TestState, Style> = {
  PASS: 'green',
  FAIL: 'red',
  UNSTABLE: 'yellow',
  INVALID: 'magenta',
  ERROR: 'red',
  SKIPPED: 'dim',
}

/** Whether to colour what goes to `stream`: `NO_COLOR` and `FORCE_COLOR` first (no-color.org), then whether it is a terminal. */
export function wantsColor(
  stream: { readonly isTTY?: boolean | undefined },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (environment['NO_COLOR']) return false
  const forced = environment['FORCE_COLOR']
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  return stream.isTTY === true && environment['TERM'] !== 'dumb'
}

/** The whole report, ending with a line break. */
export function renderTerminal(record: RunRecord, { color, folder = '' }: TerminalOptions): string {
  const paint: Paint = (style, text) => (color ? styleText(style, text, { validateStream: false }) : text)
  const parts = [
    ...record.notices.map((notice) => paint('yellow', `! ${plainText(notice)}`)),
    ...tables(rowsOf(record), paint),
    metrics(record, paint),
    ratios(record, paint),
    baselines(record, paint),
    problems(record, folder, paint),
    notes(record, paint),
    logs(record, folder, paint),
    ending(record, paint),
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function tables(rows: readonly Row[], paint: Paint): string[] {
  const widths = columns.map(([title, key]) =>
    Math.max(...[title, ...rows.map((row) => cellOf(row, key))].map(widthOf)),
  )
  const padded = (cells: readonly string[]): string[] =>
    cells.map((cell, index) => pad(cell, widths[index] ?? 0))
  const header = paint('dim', tableLine(padded(columns.map(([title]) => title))))
  return [...Map.groupBy(rows, ({ suite }) => suite)].map(([suite, list]) => {
    const lines = list.map((row, index) => {
      const sameAsAbove = list[index - 1]?.name === row.name
      const cells = padded(columns.map(([, key]) => (key === 'name' && sameAsAbove ? '' : cellOf(row, key))))
      // Coloured after padding, for the codes have no width.
      return tableLine(
        cells.map((cell, column) =>
          columns[column]?.[1] === 'state'
            ? paint(isExcused(row.test) ? 'dim' : styles[row.state], cell)
            : cell,
        ),
      )
    })
    return [paint('bold', suite), header, ...lines].join('\n')
  })
}

function cellOf(row: Row, key: (typeof columns)[number][1]): string {
  return key === 'state' && isExcused(row.test) ? `${row.state} (quarantined)` : row[key]
}

function tableLine(cells: readonly string[]): string {
  return `  ${cells.join('  ')}`.trimEnd()
}

/** The figures beside throughput, under the name of their measurement. */
function metrics(record: RunRecord, paint: Paint): string {
  const rows = metricRowsOf(record)
  if (rows.length === 0) return ''
  const cellsOf = (row: MetricRow): string[] => metricColumns.map(([, key]) => row[key])
  const widths = metricColumns.map(([title], column) =>
    Math.max(...[title, ...rows.map((row) => cellsOf(row)[column] ?? '')].map(widthOf)),
  )
  const line = (cells: readonly string[]): string =>
    tableLine(cells.map((cell, column) => pad(cell, widths[column] ?? 0)))
  const groups = Map.groupBy(rows, ({ suite, test, measurement }) => `${suite} › ${test}: ${measurement}`)
  const parts = [...groups].map(([title, list]) => {
    const lines = list.map((row) => line(cellsOf(row)))
    return [paint('bold', title), paint('dim', line(metricColumns.map(([name]) => name))), ...lines].join(
      '\n',
    )
  })
  return parts.join('\n\n')
}

function ratios(record: RunRecord, paint: Paint): string {
  const list = ratiosOf(record)
  if (list.length === 0) return ''
  const titles = list.map(({ suite, name }) => plainText(`${suite} › ${name}`))
  const width = Math.max(...titles.map(widthOf))
  const lines = list.map((ratio, index) => `  ${pad(titles[index] ?? '', width)}  ${ratioText(ratio)}`)
  return [paint('bold', ratioTitle), ...lines].join('\n')
}

/** What was held against a baseline and is not told among the problems. */
function baselines(record: RunRecord, paint: Paint): string {
  const lines = rowsOf(record).flatMap((row) =>
    baselineSentencesOf(row.test).map((sentence) => `  ${titleOf(row)}: ${plainText(sentence)}`),
  )
  return lines.length === 0 ? '' : [paint('bold', 'baseline'), ...lines].join('\n')
}

/** What did not pass, with all reasons; the same words for several tests are said once. */
function problems(record: RunRecord, folder: string, paint: Paint): string {
  const failing = rowsOf(record).filter(({ state }) => state !== 'PASS')
  const alike = Map.groupBy(failing, ({ state, test }) =>
    JSON.stringify([state, test.quarantine, explanationOf(test), reasonsOf(test), causesOf(test)]),
  )
  const ofTests = [...alike.values()].flatMap((rows) => {
    const [first] = rows
    if (!first) return []
    const titles = rows.map((row) => `${paint(styles[row.state], row.state)}  ${titleOf(row)}`)
    const quarantine = quarantineSentence(first.test) ?? ''
    return [
      ...titles,
      ...indent([quarantine, explanationOf(first.test), ...reasonsOf(first.test), ...causesOf(first.test)]),
      ...indent([...new Set(rows.flatMap(({ test }) => flightOf(test, folder)))]),
    ]
  })
  const ofRun = record.failures.flatMap(({ where, code, message }) => [
    `${paint('red', 'ERROR')}  ${where}`,
    ...indent([`${code}: ${message}`]),
  ])
  const left =
    record.leftovers.length > 0
      ? [
          paint(
            'red',
            'left behind (and in the journal: the next run takes it back, or dpbench provision --clean-up):',
          ),
          ...indent(record.leftovers),
        ]
      : []
  return [...ofTests, ...ofRun, ...left].join('\n')
}

/** Remarks that change no verdict, each with the tests that it is about. */
function notes(record: RunRecord, paint: Paint): string {
  const all = rowsOf(record).flatMap((row) => {
    const leaves = row.state === 'PASS' ? (quarantineSentence(row.test) ?? []) : []
    return [leaves, notesOf(row.test)].flat().map((note) => ({ note, row }))
  })
  const lines = [...Map.groupBy(all, ({ note }) => note)].map(([note, about]) => {
    const [first] = about
    return about.length === 1 && first ? `${titleOf(first.row)}: ${note}` : `${note} (${about.length} tests)`
  })
  return lines.length === 0
    ? ''
    : [paint('bold', 'notes'), ...lines.map((line) => `  ${plainText(line)}`)].join('\n')
}

/** Where to look when something went wrong. */
function logs(record: RunRecord, folder: string, paint: Paint): string {
  if (record.outcome.exitCode === ExitCode.passed) return ''
  const files = logFilesOf(record)
  return files.length === 0
    ? ''
    : [paint('bold', 'logs'), ...files.map((file) => `  ${join(folder, file)}`)].join('\n')
}

function titleOf({ suite, name, test: { mode } }: Row): string {
  return `${suite} › ${name}${mode === undefined ? '' : ` (${mode})`}`
}

function ending(record: RunRecord, paint: Paint): string {
  const { exitCode } = record.outcome
  const interrupted = record.interruptedBy ? `, interrupted by ${record.interruptedBy}` : ''
  const style = exitCode === ExitCode.passed ? 'green' : exitCode === ExitCode.unstable ? 'yellow' : 'red'
  return paint(style, `${countsOf(record)}${interrupted}; exit code ${exitCode}`)
}

function indent(texts: readonly string[]): string[] {
  return texts.filter(Boolean).map((text) => plainText(text).replaceAll(/^/gm, '    '))
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

function widthOf(text: string): number {
  return [...text].length
}
