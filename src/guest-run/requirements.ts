/** Finds the files and programs that a script requires: beside it, in PATH, or in a source tree. */
import { access, constants, stat } from 'node:fs/promises'
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path'
import { suggestFile } from './suggest-file.ts'

export interface Requirement {
  /** What it is called in the guest, beside the script. */
  readonly name: string
  /** Where it is here. */
  readonly path: string
  readonly folder: boolean
}

export interface Where {
  readonly script: string
  /** The tree of LREQUIRE. */
  readonly tree?: string | undefined
}

/** The files of REQUIRE and LREQUIRE; what is missing or there twice becomes a fault, with where it was looked for. */
export async function findRequirements(
  {
    require,
    localRequire,
  }: { readonly require: readonly string[]; readonly localRequire: readonly string[] },
  where: Where,
  faults: string[],
): Promise<readonly Requirement[]> {
  const found: Requirement[] = []
  const add = async (key: string, entry: string, places: readonly string[], known: string): Promise<void> => {
    const requirement = await firstOf(entry, places)
    if (!requirement) {
      const near = await suggestFile(
        entry,
        places.map((place) => dirname(place)),
      )
      return void faults.push(
        `${where.script}: ${key}: ${entry} is neither ${known}${near === undefined ? '' : `: did you mean ${near}?`}`,
      )
    }
    const twin = found.find(({ name }) => name === requirement.name)
    if (twin?.path === requirement.path) return
    if (twin)
      faults.push(
        `${where.script}: ${key}: ${twin.path} and ${requirement.path} would have one name in the guest`,
      )
    else found.push(requirement)
  }
  const beside = dirname(where.script)
  for (const entry of require) {
    const inPath = entry.includes('/') ? [] : programPaths(entry)
    const places = isAbsolute(entry) ? [entry] : [join(beside, entry), ...inPath]
    await add('REQUIRE', entry, places, `in ${beside} nor in PATH`)
  }
  const tree = where.tree ?? process.cwd()
  for (const entry of localRequire) {
    const places = [entry, join('tools', entry), join('tools', entry, basename(entry))]
    await add(
      'LREQUIRE',
      entry,
      places.map((place) => join(tree, place)),
      `in ${tree} nor in its tools/ (--source-tree names another tree)`,
    )
  }
  return found
}

async function firstOf(entry: string, places: readonly string[]): Promise<Requirement | undefined> {
  for (const path of places) {
    const there = await stat(path).catch(() => undefined) // not there, or not for us: the next place
    if (!there || !(there.isFile() || there.isDirectory())) continue
    // a folder tools/perf stands before the program tools/perf/perf in it
    const program = join(path, basename(entry))
    if (there.isDirectory() && (await isProgram(program)))
      return { name: basename(entry), path: program, folder: false }
    return { name: basename(entry), path, folder: there.isDirectory() }
  }
  return undefined
}

async function isProgram(path: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined)
  return (
    there?.isFile() === true &&
    (await access(path, constants.X_OK).then(
      () => true,
      () => false,
    ))
  )
}

function programPaths(name: string): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  // a user's PATH has no sbin, where mkfs and its like are
  return [...new Set([...folders, '/usr/local/sbin', '/usr/sbin', '/sbin'])].map((folder) =>
    join(folder, name),
  )
}
