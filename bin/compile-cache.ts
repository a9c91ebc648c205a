/**
 * Compiled code is kept between commands, for the processes too that a command starts: of a short run's CPU time a fourth was
 * compiling. The folder is the user's own: Node's default lies in /tmp, where another user could make it first.
 */
import { mkdirSync, statSync } from 'node:fs'
import { constants, enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { cacheFolder } from '../lab/paths.ts'

const variable = 'NODE_COMPILE_CACHE'

/** Where no folder can be, and where NODE_DISABLE_COMPILE_CACHE is set, everything works without. */
export function keepCompiledCode(env: NodeJS.ProcessEnv): void {
  if (env['NODE_DISABLE_COMPILE_CACHE'] !== undefined || env[variable] !== undefined) return // Node has seen to it
  const folder = join(cacheFolder(), 'compiled')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // what others may have put there is not run: with sudo it may be another user's
    const { uid, mode } = statSync(folder)
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return
  } catch {
    return
  }
  if (enableCompileCache(folder).status === constants.compileCacheStatus.ENABLED) env[variable] = folder
}
