/**
 * Flight recordings in a results folder: `flight/<suite>/<test>-<mode>/`, or `flight/<occasion>-<mode>/` of a failure outside of
 * tests. Each has a file per piece, by machine, the raw outputs of both ends, the timeline, and an index of all that
 * (`index.json`, `index.md`). Readable by their owner alone, without secrets, bounded in size.
 */
import { chmod, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { writing } from '../core/disk-fault.ts'
import { controller } from '../core/steps.ts'
import { type Flight, type FlightPiece, pieceBytes } from '../core/flight.ts'
import {
  type FlightIndex,
  type FlightRecord,
  type FlightSource,
  indexVersion,
  flightIndexSchema,
} from './flight-schema.ts'
import { fileName } from './names.ts'
import { createTestFolder } from './results-folder.ts'
import { textWithoutSecrets } from './secrets.ts'
import { parseEntries, stepsOf, timelineOf } from './steps.ts'
import type { StepRecord } from './step-schema.ts'
import { stepLogFile } from './step-log.ts'

const root = 'flight'
const indexFile = 'index.json'

/** Of one recording, all its files together. Pieces that come later are left out, which the index says. */
const mostFolderBytes = 32 * 2 ** 20
/** Of one run. A run in which everything fails is told by the first of them. */
export const mostFlights = 20

export interface WriteFlightOptions {
  /** Secrets of the run that must not be in it in any form. */
  readonly secrets: readonly string[]
  /** The test's raw outputs until now, relative to the results folder. */
  readonly artifacts?: readonly string[]
}

/** Writes a recording; resolves with its folder, relative to the results folder, or `undefined` when there are enough. */
export async function writeFlight(
  resultsFolder: string,
  flight: Flight,
  { secrets, artifacts = [] }: WriteFlightOptions,
): Promise<string | undefined> {
  if ((await listFlights(resultsFolder)).length >= mostFlights) return undefined
  const folder = await makeFolder(resultsFolder, flight)
  try {
    await writing(join(resultsFolder, folder), () =>
      writePieces(resultsFolder, folder, flight, { secrets, artifacts }),
    )
    return folder
  } catch (error) {
    await rm(join(resultsFolder, folder), { recursive: true, force: true }) // half of one would be taken for whole
    throw error
  }
}

async function writePieces(
  resultsFolder: string,
  folder: string,
  flight: Flight,
  { secrets, artifacts = [] }: WriteFlightOptions,
): Promise<void> {
  const writer = new Writer(join(resultsFolder, folder), secrets)
  for (const piece of [
    await timelinePiece(resultsFolder, flight),
    ...flight.pieces,
    ...(await Promise.all(artifacts.map((file) => artifactPiece(resultsFolder, file)))),
  ])
    await writer.piece(piece)
  const { occasion, test, mode, startedAt, durationMs, limitMs } = flight
  const found: FlightIndex = {
    schema_version: indexVersion,
    occasion,
    ...(test && { test }),
    mode,
    reason: textWithoutSecrets(flight.reason, secrets),
    startedAt,
    durationMs: Math.round(durationMs),
    limitMs,
    bytes: writer.bytes,
    sources: writer.sources,
  }
  await writer.file('index.md', indexPage(found))
  await writer.file(indexFile, `${JSON.stringify(found, null, 2)}\n`)
}

/** All that are there: whoever made them, a worker or the main process, need not have told. */
export async function listFlights(resultsFolder: string): Promise<FlightRecord[]> {
  const files = await readdir(join(resultsFolder, root), { recursive: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    },
  )
  const found = files
    .filter((file) => file.endsWith(`/${indexFile}`))
    .map(async (file) => {
      const path = join(resultsFolder, root, file)
      const {
        sources,
        schema_version: _,
        ...rest
      } = flightIndexSchema.parse(JSON.parse(await readFile(path, 'utf8')))
      const missing = sources.filter((each) => each.missing !== undefined).length
      const folder = relative(resultsFolder, join(path, '..'))
      return { ...rest, folder, pieces: sources.length, missing }
    })
  return (await Promise.all(found)).sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1))
}

async function makeFolder(resultsFolder: string, { test, mode, occasion }: Flight): Promise<string> {
  const base = join(resultsFolder, root)
  await mkdir(base, { recursive: true, mode: 0o700 })
  const place = test ?? { suite: 'run', name: occasion }
  return join(root, await createTestFolder(base, { ...place, mode }))
}

class Writer {
  readonly sources: FlightSource[] = []
  bytes = 0
  private readonly folder: string
  private readonly secrets: readonly string[]
  private readonly taken = new Set<string>()

  constructor(folder: string, secrets: readonly string[]) {
    this.folder = folder
    this.secrets = secrets
  }

  async piece(piece: FlightPiece): Promise<void> {
    const { machine, name, text, exitStatus } = piece
    const command = textWithoutSecrets(piece.command, this.secrets)
    const missing = piece.missing === undefined ? undefined : textWithoutSecrets(piece.missing, this.secrets)
    const known = { machine, name, command, ...(exitStatus !== undefined && { exitStatus }) }
    if (text === undefined || this.bytes >= mostFolderBytes) {
      const why = text === undefined ? missing : `the recording has ${mostFolderBytes} bytes already`
      return void this.sources.push({ ...known, bytes: 0, cut: false, missing: why ?? 'nothing was said' })
    }
    const kept = cutClean(piece, this.secrets)
    const file = this.nameOf(piece)
    await this.file(file, kept.text)
    const bytes = Buffer.byteLength(kept.text)
    this.bytes += bytes
    this.sources.push({ ...known, file, bytes, cut: kept.cut, ...(missing !== undefined && { missing }) })
  }

  async file(name: string, content: string): Promise<void> {
    const path = join(this.folder, name)
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 })
    await writeFile(path, content, { mode: 0o600 })
    await chmod(path, 0o600)
  }

  private nameOf({ machine, name }: FlightPiece): string {
    const base = join(fileName(machine), fileName(name))
    for (let count = 1; ; count++) {
      const file = `${base}${count === 1 ? '' : `-${count}`}${/\.\w+$/.test(name) ? '' : '.txt'}`
      if (this.taken.has(file)) continue
      this.taken.add(file)
      return file
    }
  }
}

/** Cleaned first, then cut: a secret that a cut has halved is not known any more. */
function cutClean(
  { text = '', keep, mostBytes, cut = false }: FlightPiece,
  secrets: readonly string[],
): { readonly text: string; readonly cut: boolean } {
  const clean = Buffer.from(textWithoutSecrets(text, secrets))
  if (clean.length <= mostBytes && !cut) return { text: clean.toString(), cut: false }
  const note = `[dpbench keeps ${mostBytes} bytes of this, the ${keep}]`
  return keep === 'end'
    ? { text: `${note}\n${clean.subarray(-mostBytes).toString()}`, cut: true }
    : { text: `${clean.subarray(0, mostBytes).toString()}\n${note}\n`, cut: true }
}

/** What was done on the machines for the test, or all until now; a line of JSON each, as in `run.json`. */
async function timelinePiece(resultsFolder: string, { mode, test }: Flight): Promise<FlightPiece> {
  const file = stepLogFile(resultsFolder, mode)
  const asked = {
    machine: controller,
    name: 'timeline.jsonl',
    command: `steps of ${test ? 'the test, and of none' : 'the run'}`,
    keep: 'end',
    mostBytes: pieceBytes.log,
  } as const
  try {
    const steps = timelineOf(stepsOf(parseEntries(await readFile(file, 'utf8'))))
    const text = steps.filter((step) => isOf(step, test)).map((step) => `${JSON.stringify(step)}\n`)
    return { ...asked, text: text.join('') }
  } catch (error) {
    return { ...asked, missing: (error as Error).message }
  }
}

function isOf({ test }: StepRecord, wanted: Flight['test']): boolean {
  return !wanted || !test || (test.suite === wanted.suite && test.name === wanted.name)
}

async function artifactPiece(resultsFolder: string, file: string): Promise<FlightPiece> {
  const name = file.slice(file.lastIndexOf('/') + 1)
  const asked = {
    machine: 'tools',
    name,
    command: `raw output, whole in ${file}`,
    keep: 'beginning',
    mostBytes: pieceBytes.log,
  } as const
  try {
    return { ...asked, text: await readFile(join(resultsFolder, file), 'utf8') }
  } catch (error) {
    return { ...asked, missing: (error as Error).message }
  }
}

function indexPage({
  occasion,
  test,
  mode,
  reason,
  startedAt,
  durationMs,
  bytes,
  sources,
}: FlightIndex): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
  const rows = sources.map(({ machine, name, file, command, exitStatus, bytes: size, cut, missing }) => {
    const what = file === undefined ? cell(name) : `[${cell(name)}](<${file}>)`
    const had = [cut && 'cut', missing !== undefined && `missing: ${cell(missing)}`]
      .filter(Boolean)
      .join('; ')
    return `| ${machine} | ${what} | \`${cell(command)}\` | ${exitStatus ?? ''} | ${size} | ${had} |`
  })
  return [
    `# ${test ? `${test.suite}: ${test.name}` : occasion} (${mode})`,
    '',
    `${occasion}, recorded at ${startedAt} in ${durationMs} ms, ${bytes} bytes.`,
    '',
    ...reason.split('\n').map((line) => `> ${line}`),
    '',
    '| machine | what | command | exit status | bytes | |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
