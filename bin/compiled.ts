/** What was compiled once is kept in the user's cache: half of a command's start is compiling. */
import { mkdirSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { cacheFolder } from '../lab/paths.ts'

/** Of code that is imported from now on. */
export function keepCompiled(): void {
  const folder = join(cacheFolder(), 'compiled')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // what others may have put there is not run: with sudo it may be another user's
    const { uid, mode } = statSync(folder)
    if (uid === process.getuid?.() && (mode & 0o022) === 0) enableCompileCache(folder)
  } catch {
    // it is compiled each time, as elsewhere
  }
}
