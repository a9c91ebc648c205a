/** Logs in a results folder: `logs/<mode>/<machine>.<kind>.log`, readable by their owner alone, without secrets. */
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type KeptLog, logKinds } from '../core/kept-log.ts'
import { fileName } from './names.ts'
import type { LogRecord } from './record.ts'
import { textWithoutSecrets } from './secrets.ts'

const folderName = 'logs'

/** @param known secrets of the run that must not be in it in any form. */
export async function writeLog(resultsFolder: string, log: KeptLog, known: readonly string[]): Promise<void> {
  const folder = join(resultsFolder, folderName, fileName(log.mode))
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${fileName(log.machine)}.${log.kind}.log`)
  await writeFile(file, textWithoutSecrets(log.text, known), { mode: 0o600 })
  await chmod(file, 0o600)
}

/** All that is there: whoever wrote it, a worker or the main process, need not have told. */
export async function listLogs(resultsFolder: string): Promise<LogRecord[]> {
  const root = join(resultsFolder, folderName)
  const modes = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const found: LogRecord[] = []
  for (const mode of modes.sort()) {
    for (const name of (await readdir(join(root, mode))).sort()) {
      const [, machine, kind] = /^(.+)\.([^.]+)\.log$/.exec(name) ?? []
      const known = logKinds.find((each) => each === kind)
      if (machine === undefined || known === undefined) continue
      const file = join(folderName, mode, name)
      found.push({ file, machine, mode, kind: known, bytes: (await stat(join(resultsFolder, file))).size })
    }
  }
  return found
}
