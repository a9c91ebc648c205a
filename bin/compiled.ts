/** What was compiled once is kept in the user's cache: half of a command's start is compiling. */
import { mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { cacheFolder } from '../lab/paths.ts'

/** Of code that is imported from now on. */
export function keepCompiled(): void {
  const folder = join(cacheFolder(), 'compiled')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 }) // others are not to put code there
    enableCompileCache(folder)
  } catch {
    // it is compiled each time, as elsewhere
  }
}
