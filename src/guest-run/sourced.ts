/**
 * The files that a shell script sources from its own folder, and they in turn: they go with it into the guest, where they
 * lie to each other as they do here. Found by reading, so a path that is computed otherwise than from the script's own is
 * not found; REQUIRE is there for those.
 */
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'

export interface Sourced {
  /** Where it is, or would be. */
  readonly path: string
  readonly text: string
}

/** The names by which ktest's tests source its library; where it is not there, ours stands in. */
const preludes = ['prelude.sh', 'test-libs.sh']
const mostFiles = 200

/**
 * `. "$(dirname "$0")/lib.sh"`, `source ${BASH_SOURCE%/*}/../lib.sh`, `. ./lib.sh`: what follows the script's own folder.
 * A plain name is looked up in PATH by the shell, and an absolute path is the guest's.
 */
const sourcing = /^[ \t]*(?:\.|source)[ \t]+["']?(?:\$\w+\/|\$[^;&|\n]*[})"']\/|\.\/|(?=\.\.\/))([\w.+/-]+)/gm

/** What `script` sources, but not itself. `ours` is the text that stands in for ktest's library. */
export async function sourcedBy(script: Sourced, ours: () => Promise<string>): Promise<readonly Sourced[]> {
  const found = new Map<string, Sourced>([[script.path, script]])
  for (const file of found.values()) {
    for (const [, name] of file.text.matchAll(sourcing)) {
      const path = resolve(dirname(file.path), name!)
      if (found.has(path) || found.size > mostFiles) continue
      const text = await readIfThere(path)
      if (text !== undefined) found.set(path, { path, text })
      else if (preludes.includes(basename(path))) found.set(path, { path, text: await ours() })
    }
  }
  return [...found.values()].slice(1)
}

/** Whether anything is sourced at all, by whatever way. */
export function sources(text: string): boolean {
  return /^[ \t]*(?:\.|source)[ \t]+\S/m.test(text)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    throw error
  }
}
