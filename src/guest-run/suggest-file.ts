/** The file that a misspelled name was probably meant to be. */
import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { suggest } from '../core/suggest.ts'

/** The nearest name in `folders`, of which those that cannot be read are passed over. */
export async function suggestFile(name: string, folders: readonly string[]): Promise<string | undefined> {
  const names = await Promise.all([...new Set(folders)].map((folder) => readdir(folder).catch(() => [])))
  return suggest(basename(name), names.flat())
}
