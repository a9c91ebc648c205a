/** `dpbench report`: makes the reports of stored runs again, from their run.json alone. */
import { mkdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import { ConfigError, DpbenchError, ExitCode, UsageError, describeError } from '../src/core/errors.ts'
import { suggest } from '../src/core/suggest.ts'
import type { ListedRun } from '../src/report/html/index-page.ts'
import { type FormName, forms } from '../src/report/forms.ts'
import { type RunRecord, parseRecord } from '../src/report/record.ts'
import { replaceFile } from '../src/core/replace-file.ts'
import { writeForm } from '../src/report/results-folder.ts'
import { renderTerminal, wantsColor } from '../src/report/terminal.ts'
import { runFilesBelow } from './run-files.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'

const options: readonly OptionSpec[] = [
  {
    name: 'format',
    value: 'FORM',
    help: 'terminal (the default), markdown (for a pull request), summary, junit, json, html, or all',
  },
  {
    name: 'output',
    value: 'PATH',
    help: 'a file; a folder for several runs or all forms. Default: standard output, for html and all beside run.json',
  },
]

export const reportHelp = `dpbench report RUN… [options]

RUN is a results folder, a run.json, or a folder of results folders. The default is results/latest. Pages of several runs
that go to a folder have an index.html beside them.

${helpOf(options)}`

const formatNames = ['terminal', ...(Object.keys(forms) as FormName[]), 'all'] as const
type Format = (typeof formatNames)[number]

interface Stored {
  readonly file: string
  readonly record: RunRecord
}

interface Wanted {
  readonly format: Format
  readonly output: string | undefined
  readonly several: boolean
}

/** @returns 2 when a record could not be read; the others are reported all the same */
export async function report(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  const runs = await runsOf(rest.length > 0 ? rest : [join('results', 'latest')])
  const format = formatOf(values['format'])
  const output = typeof values['output'] === 'string' ? values['output'] : undefined
  const wanted = { format, output, several: runs.length > 1 }
  await writing(output ?? '', () => requireRoom(wanted))
  const pages: ListedRun[] = []
  const refused: string[] = []
  for (const run of runs) {
    try {
      const stored = await read(run)
      await writing(output ?? run, () => make(stored, wanted))
      pages.push({ record: outlineOf(stored.record), page: pageOf(stored, wanted) })
    } catch (error) {
      if (!(error instanceof DpbenchError)) throw error
      const sentence = describeError(error)
      process.stderr.write(`dpbench: ${sentence}\n`)
      refused.push(sentence)
    }
  }
  if (wanted.several && output !== undefined && (format === 'html' || format === 'all')) {
    const { renderIndex } = await import('../src/report/html/index-page.ts')
    const index = join(output, 'index.html')
    say(await writing(output, () => replaceFile(index, renderIndex(pages, refused))))
  }
  return refused.length > 0 ? ExitCode.usage : ExitCode.passed
}

/** A folder of results folders stands for the runs in it; what is no run is told when it is read. */
async function runsOf(named: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    named.map(async (run) => {
      const kinds = await Promise.all(
        [run, join(run, 'run.json')].map((path) => stat(path).catch(() => undefined)),
      )
      const below = kinds[0]?.isDirectory() && !kinds[1] ? await runFilesBelow(run) : []
      return below.length > 0 ? below : [run]
    }),
  )
  return found.flat()
}

/** What the list of several runs shows of one: a hundred whole records would fill the memory. */
function outlineOf(record: RunRecord): RunRecord {
  return { ...record, tests: [], steps: [], logs: [] }
}

/** Where the page of one of several runs is, below the folder that they go to. */
function pageOf({ file, record }: Stored, { format }: Wanted): string {
  const name = nameOf(file, record)
  return format === 'all' ? `${name}/${forms.html.file}` : `${name}.html`
}

function formatOf(asked: string | true | undefined): Format {
  if (asked === undefined) return 'terminal'
  const found = formatNames.find((name) => name === asked)
  if (found) return found
  const near = suggest(String(asked), formatNames)
  throw new UsageError(
    `--format is "${asked}": ${near === undefined ? `write one of ${formatNames.join(', ')}` : `did you mean ${near}?`}`,
  )
}

/** @throws ConfigError when there is no record, or none that can be read */
async function read(run: string): Promise<Stored> {
  try {
    const file = (await stat(run)).isDirectory() ? join(run, 'run.json') : run
    return { file, record: parseRecord(await readFile(file, 'utf8'), file) }
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === undefined) throw error
    throw new ConfigError(
      code === 'ENOENT'
        ? `there is no run record at ${run}: name a results folder or a run.json`
        : `${run} cannot be read (${code}): name a results folder or a run.json`,
    )
  }
}

async function make({ file, record }: Stored, { format, output, several }: Wanted): Promise<void> {
  if (format === 'terminal' && output === undefined) {
    const text = renderTerminal(record, {
      color: wantsColor(process.stdout, process.env),
      folder: relative(process.cwd(), dirname(file)),
    })
    process.stdout.write(several ? `── ${file}\n${text}\n` : `${text}\n`)
    return
  }
  if (format === 'terminal') {
    const path = several ? join(output!, `${nameOf(file, record)}.txt`) : await placeOf(output!, 'report.txt')
    return say(await replaceFile(path, `${renderTerminal(record, { color: false })}\n`))
  }
  if (format === 'all') return makeAll(file, record, output, several)
  const form = forms[format]
  if (output === undefined && format !== 'html') {
    process.stdout.write(await form.render(record))
  } else if (output === undefined) {
    say(await writeForm(dirname(file), form, record))
  } else {
    const path = several
      ? join(output, `${nameOf(file, record)}${extname(form.file)}`)
      : await placeOf(output, form.file)
    say(await replaceFile(path, await form.render(record)))
  }
}

async function makeAll(
  file: string,
  record: RunRecord,
  output: string | undefined,
  several: boolean,
): Promise<void> {
  const place = output === undefined ? dirname(file) : several ? join(output, nameOf(file, record)) : output
  await mkdir(place, { recursive: true })
  for (const [name, form] of Object.entries(forms)) {
    // the record that all of them are made from stays as it is
    if (name !== 'json') say(await writeForm(place, form, record))
  }
}

/** A folder that is there gets the form under its own name. */
async function placeOf(output: string, name: string): Promise<string> {
  const there = await stat(output).catch(() => undefined)
  return there?.isDirectory() ? join(output, name) : output
}

/** @throws UsageError in place of what the file system says, which names no option */
async function writing<T>(place: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === undefined) throw error
    throw new UsageError(`nothing can be written to ${place} (${code}): name another place with --output`)
  }
}

/** `ENOENT`, `EACCES`: what the file system refused with; nothing for every other error. */
function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined
}

/** Several runs and all forms need a folder. */
async function requireRoom({ format, output, several }: Wanted): Promise<void> {
  if (output === undefined) return
  if (several || format === 'all') await mkdir(output, { recursive: true })
  else await mkdir(dirname(output), { recursive: true })
}

/** Of a run among several: its results folder's name, which is unique among those of one project, and its id. */
function nameOf(file: string, { runId }: RunRecord): string {
  return basename(file) === 'run.json'
    ? `${basename(dirname(file))}-${runId}`
    : `${basename(file, '.json')}-${runId}`
}

function say(path: string): void {
  process.stdout.write(`written: ${relative(process.cwd(), path) || path}\n`)
}
