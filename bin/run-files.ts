/** Which `run.json` files are meant by what a person names: files, results folders, folders of them, globs, commas. */
import { glob, readdir, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { UsageError } from '../src/core/errors.ts'

const fileName = 'run.json'

/**
 * Each once, in their order; folders by name. A baseline's file is meant by its name.
 * @throws UsageError when a name means no file
 */
export async function runFilesOf(named: string): Promise<string[]> {
  const parts = named.split(',').filter(Boolean)
  if (parts.length === 0) throw new UsageError('name a run: its results folder or its run.json')
  const found = await Promise.all(parts.map(filesOfPart))
  const files = found.flat()
  const real = await Promise.all(files.map((file) => realpath(file)))
  return files.filter((_, index) => real.indexOf(real[index]!) === index)
}

/** The record of each run in a folder of results folders, by name; `latest` and other links are not followed. */
export async function runFilesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const files = names.sort().map((name) => join(folder, name, fileName))
  const there = await Promise.all(files.map(isFile))
  return files.filter((_, index) => there[index])
}

async function filesOfPart(part: string): Promise<string[]> {
  if (!/[*?[{]/.test(part) || (await kindOf(part)) !== undefined) return filesOfPath(part)
  const matches: string[] = []
  for await (const match of glob(part)) matches.push(match)
  const files = await Promise.all(matches.sort().map((match) => filesOfPath(match).catch(() => [])))
  if (files.flat().length > 0) return files.flat()
  throw new UsageError(`${part} matches no run: name results folders or their ${fileName}`)
}

async function filesOfPath(path: string): Promise<string[]> {
  const kind = await kindOf(path)
  if (kind === undefined)
    throw new UsageError(`${path} does not exist: name a results folder or its ${fileName}`)
  if (kind === 'file') return [path]
  const own = join(path, fileName)
  if (await isFile(own)) return [own]
  const below = await runFilesBelow(path)
  if (below.length > 0) return below
  throw new UsageError(
    `${path} holds no ${fileName}, and no folder in it does: ${basename(path)} is no results folder`,
  )
}

async function isFile(path: string): Promise<boolean> {
  return (await kindOf(path)) === 'file'
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw new UsageError(`${path} cannot be read: ${error.message}`, { cause: error })
  })
  return found && (found.isDirectory() ? 'folder' : 'file')
}
