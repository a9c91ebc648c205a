/** A comparison of runs as text for a terminal, and as Markdown. JSON is the comparison itself. */
import { formatSignedPercent } from '../verdict/format.ts'
import { formatFigure } from '../verdict/figure-format.ts'
import type { ComparedFigure, RunComparison } from './comparison.ts'
import { escapeMarkdown, markdownTable } from './markdown.ts'
import { plainText } from './plain-text.ts'

/** Each figure with its sentence, what was left out, and what is unlike. */
export function comparisonText(comparison: RunComparison): string {
  const { before, after, unlike, rows, leftOut } = comparison
  const parts = [
    `${before} → ${after}`,
    ...(unlike.length > 0 ? [['compared although they are unlike:', ...unlike.map(indent)].join('\n')] : []),
    ...rows.map(({ title, comparison: { sentence } }) => `${title}\n${indent(sentence)}`),
    ...(leftOut.length > 0 ? [['not compared:', ...leftOut.map(indent)].join('\n')] : []),
    countsOf(comparison),
  ]
  return `${parts.map(plainText).join('\n\n')}\n`
}

export function comparisonMarkdown(comparison: RunComparison): string {
  const { before, after, unlike, rows, leftOut } = comparison
  const table = markdownTable(
    ['figure', 'before', 'after', 'effect', '95 % interval', 'p', 'n', 'conclusion'],
    rows.map(cells),
  )
  const list = (title: string, lines: readonly string[]): string =>
    lines.length === 0
      ? ''
      : [`## ${title}`, '', ...lines.map((line) => `- ${escapeMarkdown(line)}`)].join('\n')
  const parts = [
    `# ${escapeMarkdown(`${before} → ${after}: ${countsOf(comparison)}`)}`,
    table,
    list('Compared although unlike', unlike),
    list('Not compared', leftOut),
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

function cells({ title, unit, comparison }: ComparedFigure): string[] {
  const { before, after, effect, interval, p, conclusion } = comparison
  return [
    title,
    formatFigure(before.median, null, unit),
    formatFigure(after.median, null, unit),
    formatSignedPercent(effect),
    interval ? `${formatSignedPercent(interval.lower)} to ${formatSignedPercent(interval.upper)}` : 'too few',
    p.toPrecision(2),
    `${before.n} and ${after.n}`,
    conclusion === 'regression' ? '**regression**' : conclusion.replaceAll('-', ' '),
  ]
}

/** `1 regression, 3 without a difference` */
export function countsOf({ rows }: Pick<RunComparison, 'rows'>): string {
  const count = (wanted: string): number =>
    rows.filter(({ comparison: { conclusion } }) => conclusion === wanted).length
  const words = [
    [count('regression'), 'regression', 'regressions'],
    [count('improvement'), 'improvement', 'improvements'],
    [count('small-difference'), 'difference below 5 %', 'differences below 5 %'],
    [count('no-difference'), 'without a difference', 'without a difference'],
    [count('too-few'), 'with too few repetitions', 'with too few repetitions'],
  ] as const
  const said = words.flatMap(([number, one, more]) =>
    number === 0 ? [] : [`${number} ${number === 1 ? one : more}`],
  )
  return said.join(', ') || 'nothing was compared'
}

function indent(line: string): string {
  return `  ${line}`
}
