/**
 * The folder that is served to a guest: `run.sh`, and below `files/` the script, what it sources and what it requires, each
 * where the script expects it. The script is asked for its needs where it lies there, so that it finds the same.
 */
import { chmod, copyFile, cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { ConfigError, UsageError } from '../core/errors.ts'
import { quoteArg } from '../core/shell-quote.ts'
import type { Setting } from './declaration.ts'
import { copyLibraries } from './libraries.ts'
import { type Needs, readNeeds } from './needs.ts'
import { findRequirements } from './requirements.ts'
import { isSourcedTest, sourcedBy } from './sourced.ts'
import { suggestFile } from './suggest-file.ts'

export interface StagedRun extends Needs {
  /** The name of the script, without its folder: `single_device.ktest`. */
  readonly title: string
  /** The path of the script below `files/`. */
  readonly script: string
  /** Whether it wants to be called with `init` before its first subtest, as ktest's tests do. */
  readonly initializes: boolean
  /** The folder to serve. */
  readonly folder: string
  /** Paths below `files/`, the script's among them. */
  readonly files: readonly string[]
}

export interface StageOptions {
  /** Empty, and removed by the caller. */
  readonly folder: string
  readonly overriding?: readonly Setting[]
  readonly only?: readonly string[]
  /** Where LREQUIRE is looked up; default: the working directory. */
  readonly sourceTree?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Copies the script and all that it needs into `folder`.
 * @throws UsageError where the script cannot be read; ConfigError with all faults of what it declares
 */
export async function stage(name: string, options: StageOptions): Promise<StagedRun> {
  const path = resolve(name)
  const text = await readScript(name, path)
  const sourced = await sourcedBy({ path, text }, guestFile)
  const top = commonFolder([path, ...sourced.map((file) => file.path)])
  const files = join(options.folder, 'files')
  const own = relative(top, path)
  await mkdir(join(files, dirname(own)), { recursive: true })
  await copyFile(path, join(files, own))
  await chmod(join(files, own), 0o755)
  for (const file of sourced) {
    const to = join(files, relative(top, file.path))
    await mkdir(dirname(to), { recursive: true })
    await writeFile(to, file.text, { mode: 0o755 })
  }
  const { script, called } = isSourcedTest(text)
    ? await writeCaller(files, own)
    : { script: own, called: text }
  const faults: string[] = []
  const { overriding = [], only = [], signal } = options
  const staged = join(files, script)
  const needs = await readNeeds({ name, staged, text: called, overriding, only, signal }, faults)
  await addRequirements({ name, path, staged, needs, tree: options.sourceTree }, faults)
  if (faults.length > 0) throw new ConfigError(`what ${name} needs cannot be met:`, faults)
  const texts = [called, ...sourced.map((file) => file.text)]
  if (texts.some((each) => /^[^#\n]*\bdocker /m.test(each))) await addDocker(dirname(staged))
  return {
    ...needs,
    title: basename(path),
    script,
    initializes: needs.ktest !== undefined && texts.some((each) => /^\s*init\)/m.test(each)),
    folder: options.folder,
    files: await filesBelow(files),
  }
}

function guestFile(name: string): Promise<string> {
  return readFile(join(import.meta.dirname, 'guest', name), 'utf8')
}

/** Unless the script brings its own. */
async function addDocker(folder: string): Promise<void> {
  const text = await guestFile('docker.sh')
  await writeFile(join(folder, 'docker'), text, { mode: 0o755, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    },
  )
}

/** The program beside a test that is none, which sources it. */
async function writeCaller(files: string, own: string): Promise<{ script: string; called: string }> {
  const test = basename(own)
  const parts = [await guestFile('prelude.sh'), await guestFile('sourced-test.sh')]
  const called = parts.join('').replace('"$TESTDIR/@SCRIPT@"', `"$TESTDIR"/${quoteArg(test)}`)
  const script = join(dirname(own), `.dpbench-${test}`)
  await writeFile(join(files, script), called, { mode: 0o755 })
  return { script, called }
}

async function readScript(name: string, path: string): Promise<string> {
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) throw new UsageError(`${name} is a folder: name the scripts in it`)
  if (!there?.isFile()) {
    const near = await suggestFile(name, [dirname(path)])
    throw new UsageError(`${name} is not there${near === undefined ? '' : `: did you mean ${near}?`}`)
  }
  // a program is read as text too: what is looked for in it is ASCII
  return readFile(path, 'latin1').then((text) => (text.includes('\0') ? text : readFile(path, 'utf8')))
}

interface Requiring {
  readonly name: string
  readonly path: string
  readonly staged: string
  readonly needs: Needs
  readonly tree: string | undefined
}

async function addRequirements(
  { name, path, staged, needs, tree }: Requiring,
  faults: string[],
): Promise<void> {
  for (const file of await findRequirements(needs.declaration, { script: path, tree }, faults)) {
    const to = join(dirname(staged), file.name)
    if (to === staged)
      faults.push(`${name}: ${file.path} has the script's own name: call one of them otherwise`)
    else {
      await cp(file.path, to, { recursive: true, dereference: true })
      if (!file.folder) await copyLibraries(file.path, dirname(staged))
    }
  }
}

function commonFolder(paths: readonly string[]): string {
  const [first, ...rest] = paths.map((path) => dirname(path).split('/'))
  let length = first!.length
  for (const other of rest) {
    while (first!.slice(0, length).some((part, index) => other[index] !== part)) length -= 1
  }
  return first!.slice(0, length).join('/') || '/'
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}
