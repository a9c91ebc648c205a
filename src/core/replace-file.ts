/** Replaces a file whole or not at all: a reader, and a crash, see the old one or the new one. */
import { randomUUID } from 'node:crypto'
import { chown, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { writing } from './disk-fault.ts'

/** A link stays one, and its target is replaced. Mode and owner are kept; a file that was not there gets `mode`. Returns `path`. @throws DpbenchError for a full disk */
export function replaceFile(path: string, content: string, mode = 0o644): Promise<string> {
  return writing(path, () => replaced(path, content, mode))
}

async function replaced(path: string, content: string, mode: number): Promise<string> {
  const target = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return path
    throw error
  })
  const old = await stat(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  const fresh = `${target}.${randomUUID()}`
  const handle = await open(fresh, 'wx', mode)
  try {
    await handle.writeFile(content)
    if (old) await handle.chmod(old.mode & 0o7777) // the umask has no say in a mode that was there
    await handle.sync()
    await handle.close()
    if (old && (old.uid !== process.getuid?.() || old.gid !== process.getgid?.()))
      await chown(fresh, old.uid, old.gid)
    await rename(fresh, target)
    return path
  } catch (error) {
    await handle.close()
    await rm(fresh, { force: true })
    throw error
  }
}
