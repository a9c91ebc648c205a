/**
 * The folder that is served to a guest: `run.sh`, and below `files/` the script, what it sources and what it requires, each
 * where the script expects it. The script is asked for its needs where it lies there, so that it finds the same.
 */
import { chmod, copyFile, cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { ConfigError, UsageError } from '../core/errors.ts'
import type { Setting } from './declaration.ts'
import { type Needs, readNeeds } from './needs.ts'
import { findRequirements } from './requirements.ts'
import { sourcedBy } from './sourced.ts'
import { suggestFile } from './suggest-file.ts'

export interface StagedRun extends Needs {
  /** The name of the script, without its folder: `single_device.ktest`. */
  readonly title: string
  /** The path of the script below `files/`. */
  readonly script: string
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
  const sourced = await sourcedBy({ path, text }, () =>
    readFile(join(import.meta.dirname, 'guest/prelude.sh'), 'utf8'),
  )
  const top = commonFolder([path, ...sourced.map((file) => file.path)])
  const files = join(options.folder, 'files')
  const script = relative(top, path)
  await mkdir(join(files, dirname(script)), { recursive: true })
  await copyFile(path, join(files, script))
  await chmod(join(files, script), 0o755)
  for (const file of sourced) {
    const to = join(files, relative(top, file.path))
    await mkdir(dirname(to), { recursive: true })
    await writeFile(to, file.text, { mode: 0o755 })
  }
  const faults: string[] = []
  const { overriding = [], only = [], signal } = options
  const staged = join(files, script)
  const needs = await readNeeds({ name, staged, text, overriding, only, signal }, faults)
  await addRequirements({ name, path, staged, needs, tree: options.sourceTree }, faults)
  if (faults.length > 0) throw new ConfigError(`what ${name} needs cannot be met:`, faults)
  return { ...needs, title: basename(path), script, folder: options.folder, files: await filesBelow(files) }
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
    else await cp(file.path, to, { recursive: true, dereference: true })
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
