/**
 * The files that a shell script sources from its own folder, and they in turn: they go with it into the guest, where they
 * lie to each other as they do here. Found by reading, so a path that is computed otherwise than from the script's own is
 * not found; REQUIRE is there for those.
 */
import { access, readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'

export interface Sourced {
  /** Where it is, or would be. */
  readonly path: string
  readonly text: string
}

/** The names by which ktest's tests source its library; where it is not there, ours of the same name stands in. */
const preludes = ['prelude.sh', 'test-libs.sh']
const mostFiles = 200

/**
 * `. "$(dirname "$0")/lib.sh"`, `source ${BASH_SOURCE%/*}/../lib.sh`, `. ./lib.sh`: what follows the script's own folder.
 * A plain name is looked up in PATH by the shell, and an absolute path is the guest's.
 */
const sourcing = /^[ \t]*(?:\.|source)[ \t]+["']?(?:\$\w+\/|\$[^;&|\n]*[})"']\/|\.\/|(?=\.\.\/))([\w.+/-]+)/gm

/** `require-lib ../test-libs.sh`: as ktest's middle form says it. */
const requiring = /^[ \t]*require-lib[ \t]+["']?([\w.+/-]+)/gm
/** `. "$ktest_dir/cross.conf"`: from the root of ktest's tree. */
const fromRoot = /^[ \t]*(?:\.|source)[ \t]+["']?\$\{?ktest_dir\}?["']?\//

/** What `script` sources, but not itself. `ours` has the text that stands in for a file of ktest's library. */
export async function sourcedBy(
  script: Sourced,
  ours: (name: string) => Promise<string>,
): Promise<readonly Sourced[]> {
  const found = new Map<string, Sourced>([[script.path, script]])
  for (const file of found.values()) {
    for (const [whole, name] of [...file.text.matchAll(sourcing), ...file.text.matchAll(requiring)]) {
      const folder = dirname(file.path)
      const path = resolve(fromRoot.test(whole) ? await rootAbove(folder, name!) : folder, name!)
      if (found.has(path) || found.size > mostFiles) continue
      const text = await readIfThere(path)
      if (text !== undefined) found.set(path, { path, text })
      else if (preludes.includes(basename(path))) found.set(path, { path, text: await ours(basename(path)) })
    }
  }
  return [...found.values()].slice(1)
}

/** The nearest folder at or above `folder` that has `name`; `folder` where none has. */
async function rootAbove(folder: string, name: string): Promise<string> {
  for (let root = folder; root !== dirname(root); root = dirname(root)) {
    const there = await access(resolve(root, name)).then(
      () => true,
      () => false,
    )
    if (there) return root
  }
  return folder
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

/**
 * Whether it is a test of ktest's middle form, which is no program: it calls functions that whoever sources it has, and
 * neither sources nor ends with `main "$@"`.
 */
export function isSourcedTest(text: string): boolean {
  return (
    /^[ \t]*(?:require-(?:lib|kernel-config)|config-(?:mem|timeout|scratch-devs))[ \t]/m.test(text) &&
    !sources(text) &&
    !/^[ \t]*main[ \t]+["']?\$/m.test(text)
  )
}
