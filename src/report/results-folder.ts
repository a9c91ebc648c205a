/**
 * The results folder: `results/<tag or time>/` with `run.json`, `junit.xml`, `summary.md` and
 * `report.html`, and for each test
 * `<suite>/<test>-<mode>/` with its raw outputs and a marker `SUCCESS` or `FAILED`; `results/latest` is a link. Everything
 * that reports write is written here. What was there before is never overwritten.
 */
import { randomUUID } from 'node:crypto'
import { lstat, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { writing } from '../core/disk-fault.ts'
import { DpbenchError, UsageError } from '../core/errors.ts'
import { replaceFile } from '../core/replace-file.ts'
import { rawWithoutSecrets } from './secrets.ts'
import { fileName, tagName, timeName } from './names.ts'
import { stateOf } from './outcome.ts'
import { serialiseRecord, type RunRecord, type TestRecord } from './record.ts'
import { type Form, forms } from './forms.ts'

/** The link to the newest results, beside them. */
const latest = 'latest'

/**
 * Makes the folder of a run under `results` and returns its path. Where one of that name exists, `-2`, `-3`, … is added.
 * @throws UsageError for a tag that is no name, and when something else than our link is called `latest`.
 */
export async function createResultsFolder(
  results: string,
  { tag, startedAt }: { readonly tag?: string | undefined; readonly startedAt: string },
): Promise<string> {
  await mkdir(results, { recursive: true })
  await refuseForeignLatest(join(results, latest))
  return makeUnique(results, tag === undefined ? timeName(startedAt) : tagName(tag))
}

/**
 * Makes the folder of one test for its raw outputs. Returns its path relative to the results folder: the `folder` of
 * its record. May be called in a worker.
 */
export async function createTestFolder(
  resultsFolder: string,
  { suite, name, mode }: Pick<TestRecord, 'suite' | 'name'> & { readonly mode?: string | undefined },
): Promise<string> {
  const parent = join(resultsFolder, fileName(suite))
  await mkdir(parent, { recursive: true })
  const folder = await makeUnique(parent, fileName([name, mode].filter(Boolean).join('-')))
  return relative(resultsFolder, folder)
}

/** Writes one raw output into a test's folder. Returns its path relative to the results folder: an artifact of its record. */
export async function writeArtifact(
  resultsFolder: string,
  testFolder: string,
  name: string,
  content: string | Uint8Array,
): Promise<string> {
  const path = join(testFolder, fileName(name))
  // Two outputs of one name would be one lost: `wx` refuses to overwrite.
  const clean = typeof content === 'string' ? rawWithoutSecrets(content) : content
  await writing(join(resultsFolder, path), () => writeFile(join(resultsFolder, path), clean, { flag: 'wx' }))
  return path
}

/** Writes `run.json` whole or not at all, so that a killed run leaves its last good state. Returns its path. */
export async function writeRecord(resultsFolder: string, record: RunRecord): Promise<string> {
  return replaceFile(join(resultsFolder, 'run.json'), serialiseRecord(record))
}

/** Writes the record and every report of it, the tests' markers and the link. Returns the paths of what it wrote. */
export async function writeReports(resultsFolder: string, record: RunRecord): Promise<string[]> {
  const written = [
    await writeRecord(resultsFolder, record),
    await writeForm(resultsFolder, forms.junit, record),
    await writeForm(resultsFolder, forms.summary, record),
    await writeForm(resultsFolder, forms.html, record),
  ]
  for (const test of record.tests) {
    const marker = await writeMarker(resultsFolder, test)
    if (marker) written.push(marker)
  }
  written.push(await linkLatest(resultsFolder))
  return written
}

/** Writes one form of a record under its name. Returns its path. */
export async function writeForm(folder: string, { file, render }: Form, record: RunRecord): Promise<string> {
  return replaceFile(join(folder, file), await render(record))
}

/** A skipped test is neither. */
async function writeMarker(resultsFolder: string, test: TestRecord): Promise<string | undefined> {
  const state = stateOf(test.result)
  if (state === 'SKIPPED' || test.folder === undefined) return undefined
  return replaceFile(join(resultsFolder, test.folder, state === 'PASS' ? 'SUCCESS' : 'FAILED'), `${state}\n`)
}

/** The link is renamed to its place, which would take a file away, and fail with a folder when all has been measured. */
async function refuseForeignLatest(link: string): Promise<void> {
  const there = await lstat(link).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!there || there.isSymbolicLink()) return
  throw new UsageError(
    `${link} is no link of dpbench, and is left alone: move it away, or have results made elsewhere with --results`,
  )
}

/** Points `latest` to this folder; a reader sees the old one or the new one, never none. */
export async function linkLatest(resultsFolder: string): Promise<string> {
  const link = join(dirname(resultsFolder), latest)
  const fresh = `${link}.${randomUUID()}`
  await symlink(basename(resultsFolder), fresh)
  try {
    await rename(fresh, link)
  } catch (error) {
    await rm(fresh, { force: true })
    throw new DpbenchError(
      `${link} cannot be made a link to ${basename(resultsFolder)}: move what is there away`,
      {
        cause: error,
      },
    )
  }
  return link
}

async function makeUnique(parent: string, name: string): Promise<string> {
  // `latest` is the link's, and a folder of that name would be in its way.
  for (let count = name === latest ? 2 : 1; ; count++) {
    const path = join(parent, count === 1 ? name : `${name}-${count}`)
    try {
      await writing(path, () => mkdir(path))
      return path
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}
