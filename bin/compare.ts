/** `dpbench compare A B`: two runs, or two sets of runs, against each other. */
import { readFile } from 'node:fs/promises'
import { ExitCode, UsageError } from '../src/core/errors.ts'
import { isBaseline, parseBaseline, sideOfBaseline } from '../src/report/baseline.ts'
import { type ComparedSide, compareSides, sideOf } from '../src/report/comparison.ts'
import { comparisonMarkdown, comparisonText } from '../src/report/comparison-view.ts'
import { parseRecord } from '../src/report/record.ts'
import { runFilesOf } from './run-files.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'

const formats = ['text', 'json', 'markdown'] as const
type Format = (typeof formats)[number]

const options: readonly OptionSpec[] = [
  { name: 'format', value: formats.join('|'), help: 'default: text' },
  {
    name: 'allow-unlike',
    help: 'compare runs of other machines, configurations or tools, too; the differences are shown',
  },
]

export const compareHelp = `dpbench compare [options] BEFORE AFTER

Each is a results folder, a run.json, a folder of results folders, a baseline's file, or several of them with commas
between or by a glob in quotes: 'results/monday-*'. The figures of the runs of one side are taken together.
A regression: p < 0.05 (Mann-Whitney) and a median at least 5 % worse.
Exit code 0: no regression; 1: a regression; 2: nothing to compare, or unlike runs.

${helpOf(options)}`

/** @throws UsageError, ConfigError for what cannot be read */
export async function compare(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  const [before, after, ...more] = rest
  if (before === undefined || after === undefined || more.length > 0)
    throw new UsageError('compare takes two names: dpbench compare BEFORE AFTER')
  const format = formatOf(values['format'])
  const comparison = compareSides(await readSide(before), await readSide(after))
  if (comparison.unlike.length > 0 && values['allow-unlike'] !== true) {
    const list = comparison.unlike.map((difference) => `  ✖ ${difference}`)
    throw new UsageError(
      [`${before} and ${after} are not alike (--allow-unlike compares them all the same):`, ...list].join(
        '\n',
      ),
    )
  }
  if (comparison.rows.length === 0)
    throw new UsageError(
      [
        `${before} and ${after} have no figure in common:`,
        ...comparison.leftOut.map((line) => `  ${line}`),
      ].join('\n'),
    )
  const render = { text: comparisonText, markdown: comparisonMarkdown, json: asJson }[format]
  process.stdout.write(render(comparison))
  const worse = comparison.rows.some((row) => row.comparison.conclusion === 'regression')
  return worse ? ExitCode.thresholdMissed : ExitCode.passed
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

function formatOf(asked: string | true | undefined): Format {
  const format = formats.find((each) => each === (asked ?? 'text'))
  if (format) return format
  throw new UsageError(`--format is "${String(asked)}": write one of ${formats.join(', ')}`)
}

async function readSide(named: string): Promise<ComparedSide> {
  const files = await runFilesOf(named)
  const sides = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8')
      return isBaseline(text)
        ? sideOfBaseline(parseBaseline(text, file))
        : sideOf(named, [parseRecord(text, file)])
    }),
  )
  const label = sides.length === 1 ? sides[0]!.label : named
  return {
    label,
    traits: sides.flatMap(({ traits }) => traits),
    figures: sides.flatMap(({ figures }) => figures),
  }
}
