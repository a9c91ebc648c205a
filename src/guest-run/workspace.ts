/**
 * The folder in which a guest run has what is gone with it: served files, disks, sockets. A run that was killed could not
 * remove its own, so each run removes those whose owner is no more.
 */
import { mkdtemp, readFile, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const prefix = 'dpbench-guest-'
const markingMs = 60_000

export interface Workspace extends AsyncDisposable {
  readonly path: string
}

/** Makes a folder, and removes those that were left behind. */
export async function openWorkspace(): Promise<Workspace> {
  await sweep()
  const path = await mkdtemp(join(tmpdir(), prefix))
  await writeFile(join(path, 'owner'), await processKey(process.pid))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue
    const path = join(tmpdir(), name)
    const owner = await readFile(join(path, 'owner'), 'utf8').catch(() => undefined) // not ours, or not yet marked
    if (owner === undefined) await removeUnmarked(path)
    const pid = Number(owner?.split(' ')[0])
    if (owner === undefined || !Number.isInteger(pid)) continue
    if (owner !== (await processKey(pid))) await rm(path, { recursive: true, force: true })
  }
}

/** Who was killed between making it and marking it left it empty. */
async function removeUnmarked(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined) // its owner was faster
  if (there?.isDirectory() && Date.now() - there.mtimeMs > markingMs) await rmdir(path).catch(() => undefined) // what has something in it is not ours
}

/** A process for good: its number is used again after its end, but not with the same start. Empty for none. */
async function processKey(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined) // it has ended
  // the name in brackets may have spaces; the start is the 20th field after it
  const started = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return started === undefined ? '' : `${pid} ${started}`
}
