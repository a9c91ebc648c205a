/** Leaks that a worker found when it closed, in the results folder until the main process takes them: `.leaks-<mode>.json`. */
import { rmSync, writeFileSync } from 'node:fs'
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { diskFault } from '../core/disk-fault.ts'
import { fileName } from './names.ts'

const schema = z.object({ mode: z.string(), leaks: z.array(z.string()) })
/** What was left after a mode, a sentence per machine. */
export type ModeLeaks = z.infer<typeof schema>

const name = /^\.leaks-.+\.json$/

/** At once: nobody hears a worker any more when it closes. @throws DpbenchError for a full disk */
export function writeLeaks(resultsFolder: string, found: ModeLeaks): void {
  const file = join(resultsFolder, `.leaks-${fileName(found.mode)}.json`)
  try {
    writeFileSync(file, JSON.stringify(found), { mode: 0o600 })
  } catch (error) {
    rmSync(file, { force: true }) // half of it could not be read
    throw diskFault(file, error) ?? error
  }
}

/** What all workers found; the files are gone then. */
export async function takeLeaks(resultsFolder: string): Promise<ModeLeaks[]> {
  const files = (await readdir(resultsFolder)).filter((each) => name.test(each)).sort()
  const found: ModeLeaks[] = []
  for (const file of files) {
    const path = join(resultsFolder, file)
    found.push(schema.parse(JSON.parse(await readFile(path, 'utf8'))))
    await rm(path)
  }
  return found
}
