/** `dpbench history`: how figures went over many runs, with their change points. */
import { readFile, writeFile } from 'node:fs/promises'
import { ConfigError, ExitCode, UsageError } from '../src/core/errors.ts'
import { type RunEntry, entryOf, historyOf } from '../src/report/history.ts'
import { historyHtml } from '../src/report/history-html.ts'
import { historyText } from '../src/report/history-view.ts'
import { parseOutline } from '../src/report/record.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { runFilesOf } from './run-files.ts'

const options: readonly OptionSpec[] = [
  { name: 'html', value: 'FILE', help: 'write a self-contained page with charts as well' },
  { name: 'test', value: 'TEXT', help: 'only tests whose title holds this text' },
  { name: 'runs', help: 'show every run, not only the stretches between changes' },
  { name: 'json', help: 'print the history as JSON' },
]

export const historyHelp = `dpbench history [options] [FOLDER]

Shows how each figure went over the runs of a results folder (default: results): its level, and the points at which it
changed (E-divisive, p ≤ 0.01). A change of 5 % or more is for the worse or for the better. Records that cannot be read are
named and left out.

${helpOf(options)}`

/** @throws UsageError when there is no run, or none with a figure */
export async function history(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  const [folder = 'results', ...more] = rest
  if (more.length > 0)
    throw new UsageError(`history takes one folder, not ${rest.length}: join several by commas`)
  const { entries, leftOut } = await readEntries(await runFilesOf(folder))
  const wanted = values['test']
  const all = historyOf(entries)
  const shown = typeof wanted === 'string' ? all.filter(({ title }) => title.includes(wanted)) : all
  if (shown.length === 0) {
    const why = all.length > 0 ? `no figure whose title holds "${String(wanted)}"` : 'no run with a figure'
    throw new UsageError([`${folder} has ${why}`, ...leftOut.map((line) => `  left out: ${line}`)].join('\n'))
  }
  const html = values['html']
  if (typeof html === 'string') await writePage(html, historyHtml(shown, leftOut, folder))
  process.stdout.write(
    values['json'] === true
      ? `${JSON.stringify({ figures: shown, leftOut }, undefined, 2)}\n`
      : historyText(shown, leftOut, { everyRun: values['runs'] === true }),
  )
  return ExitCode.passed
}

async function readEntries(files: readonly string[]): Promise<{ entries: RunEntry[]; leftOut: string[] }> {
  const entries: RunEntry[] = []
  const leftOut: string[] = []
  // One after the other: a record can be large, and only its figures are kept.
  for (const file of files) {
    try {
      entries.push(entryOf(parseOutline(await readText(file), file)))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      leftOut.push([error.message.split('\n')[0]!, error.faults[0]].filter(Boolean).join(': '))
    }
  }
  return { entries, leftOut }
}

function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`${file} cannot be read: ${error.message}`, [], { cause: error })
  })
}

async function writePage(file: string, page: string): Promise<void> {
  await writeFile(file, page).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--html ${file} cannot be written: ${error.message}`, { cause: error })
  })
}
