/** A history as a table for a terminal: per figure its stretches, and what changed between them. */
import { formatFigure } from '../verdict/figure-format.ts'
import { formatSignedPercent } from '../verdict/format.ts'
import type { FigureHistory, HistoryPoint, Stretch } from './history.ts'
import { plainText } from './plain-text.ts'

/** Columns of a stretch, also for the HTML page. */
export const stretchTitles = ['from', 'runs', 'median', 'change', 'p', 'run'] as const

/** A figure's stretches as rows of text. */
export function stretchRows({ points, stretches, unit }: FigureHistory): string[][] {
  return stretches.map((stretch) => {
    const { startedAt, runId } = points[stretch.from]!
    return [
      dayOf(startedAt),
      String(stretch.runs),
      formatFigure(stretch.median, null, unit),
      changeText(stretch),
      stretch.change ? stretch.change.p.toPrecision(1) : '',
      runId,
    ]
  })
}

export const pointTitles = ['run', 'began', 'median', 'least', 'most', 'n'] as const

export function pointRow(
  { runId, startedAt, median, min, max, n }: HistoryPoint,
  unit: FigureHistory['unit'],
): string[] {
  const figures = [median, min, max].map((value) => formatFigure(value, null, unit))
  return [runId, `${dayOf(startedAt)} ${startedAt.slice(11, 16)}`, ...figures, String(n)]
}

/** @param everyRun a line per run as well */
export function historyText(
  history: readonly FigureHistory[],
  leftOut: readonly string[],
  { everyRun }: { readonly everyRun: boolean },
): string {
  const parts = history.map((figure) => {
    const rows = table([[...stretchTitles], ...stretchRows(figure)])
    const differences = figure.stretches.flatMap(({ from, change }) =>
      (change?.differences ?? []).map((each) => `  at ${dayOf(figure.points[from]!.startedAt)}: ${each}`),
    )
    const runs = everyRun
      ? ['', ...table([[...pointTitles], ...figure.points.map((point) => pointRow(point, figure.unit))])]
      : []
    return [figure.title, ...rows, ...differences, ...runs].join('\n')
  })
  const without = leftOut.length > 0 ? [['left out:', ...leftOut.map((line) => `  ${line}`)].join('\n')] : []
  return `${[...parts, ...without, countsOf(history)].map(plainText).join('\n\n')}\n`
}

/** `12 figures, 2 changes for the worse, 1 for the better` */
export function countsOf(history: readonly FigureHistory[]): string {
  const kinds = history.flatMap(({ stretches }) => stretches.flatMap(({ change }) => change?.kind ?? []))
  const count = (kind: string): number => kinds.filter((each) => each === kind).length
  const figures = `${history.length} ${history.length === 1 ? 'figure' : 'figures'}`
  const words = [
    [count('worse'), 'for the worse'],
    [count('better'), 'for the better'],
    [count('small'), 'below 5 %'],
  ] as const
  const changes = words.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`)
  return `${figures}; ${changes.length > 0 ? `changes: ${changes.join(', ')}` : 'no change'}`
}

function changeText({ change }: Stretch): string {
  if (!change) return ''
  return `${formatSignedPercent(change.effect)}${change.kind === 'small' ? '' : ` ${change.kind}`}`
}

function dayOf(iso: string): string {
  return iso.slice(0, 10)
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => [...row[column]!].length)))
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell + ' '.repeat(widths[column]! - [...cell].length)).join('  ')}`.trimEnd(),
  )
}
