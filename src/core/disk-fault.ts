/** What the controller's own file system refuses, in a sentence: Node names neither the file nor the machine when a write fails. */
import { DpbenchError } from './errors.ts'

const meanings: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left there: make room',
  EDQUOT: "the user's quota there is used up: make room",
  EROFS: 'its file system is read-only by now: see the kernel log for the disk',
  EIO: 'the disk reports an error: see the kernel log',
  ENOENT: 'its folder is gone: somebody has removed it meanwhile',
  EACCES: 'this user may not: see the owner and the mode of its folder',
  EPERM: 'this user may not: see its owner, mode and attributes',
}

/** Writes `path` by `write`. @throws DpbenchError where the file system refuses; what else `write` throws as it is */
export async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    throw diskFault(path, error) ?? error
  }
}

/** The sentence for a file of the controller that could not be written, if the file system refused. */
export function diskFault(path: string, error: unknown): DpbenchError | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const meaning = meanings[code]
  if (meaning === undefined) return undefined
  return new DpbenchError(`controller: ${path} cannot be written: ${meaning}`, { cause: error })
}
