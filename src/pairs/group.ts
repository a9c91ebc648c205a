/**
 * A group of programs, as the mirage-bench test framework has it: executables in `local/` and `remote/` of a folder, each of
 * which runs with each, and up to four hooks.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { escaped } from '../core/escape.ts'
import { UsageError } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'

export const sides = ['local', 'remote'] as const
export type Side = (typeof sides)[number]

export const hookNames = [
  'before_first_test_local',
  'before_first_test_remote',
  'after_last_test_local',
  'after_last_test_remote',
] as const
export type HookName = (typeof hookNames)[number]

export interface PairNames {
  /** In `local/`: a name, or a path below it. */
  readonly local: string
  /** In `remote/`. */
  readonly remote: string
  /** `client_x_server`: the name of its results folder. */
  readonly name: string
}

/** A program as its pairs are called: by its name, or by its path where another one has the same name. */
interface Program {
  readonly path: string
  readonly label: string
}

export interface Group {
  /** The folder's name. */
  readonly name: string
  /** Absolute. */
  readonly folder: string
  /** What is copied to the machines, in the folder above the group: the group alone, or all of a mirage-bench checkout. */
  readonly shipped: readonly string[]
  readonly pairs: readonly PairNames[]
  readonly hooks: readonly HookName[]
  /** What was passed over, and why, and which programs are called otherwise: for people. */
  readonly remarks: readonly string[]
}

/** Of file systems on Linux: of a name. */
const mostBytes = 255

/** Reads a group. @throws UsageError with each fault in a sentence */
export function readGroup(folder: string): Group {
  const absolute = resolve(folder)
  const stat = statSync(absolute, { throwIfNoEntry: false })
  if (!stat) throw new UsageError(`there is no folder ${folder}: write one, or dpbench pairs new ${folder}`)
  if (!stat.isDirectory()) throw new UsageError(`${folder} is no folder: name a group's folder`)
  const faults: string[] = []
  const remarks: string[] = []
  const shipped = shippedOf(absolute)
  const within = shipped.length === 1 ? absolute : dirname(absolute)
  const [local, remote] = sides.map((side) => programsOf(absolute, within, side, faults, remarks)) as [
    Program[],
    Program[],
  ]
  const hooks = hooksOf(absolute, within, remarks)
  const pairs = local.flatMap((one) =>
    remote.map((other) => ({ local: one.path, remote: other.path, name: `${one.label}_x_${other.label}` })),
  )
  faults.push(...nameFaults(absolute, pairs))
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return { name: basename(absolute), folder: absolute, shipped, pairs, hooks, remarks }
}

function nameFaults(folder: string, pairs: readonly PairNames[]): string[] {
  const names = pairs.map(({ name }) => name)
  const twice = new Set(names.filter((each, index) => names.indexOf(each) < index))
  const long = new Set(names.filter((each) => Buffer.byteLength(each) > mostBytes))
  return [
    ...[...twice].map((name) => `${folder} has two pairs that are called ${escaped(name)}: rename a program`),
    ...[...long].map(
      (name) =>
        `${folder}: no folder can be called ${escaped(name)}, it has more than ${mostBytes} bytes: rename a program`,
    ),
  ]
}

/** All that are executable, also in folders below, as mirage-bench finds them. */
function programsOf(
  folder: string,
  within: string,
  side: Side,
  faults: string[],
  remarks: string[],
): Program[] {
  const place = join(folder, side)
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) {
    faults.push(`${folder} has no folder ${side}/: put the programs of the ${side} machine there`)
    return []
  }
  const paths: string[] = []
  for (const path of filesBelow(place)) {
    const why = whyNoProgram(within, join(place, path))
    if (why === undefined) paths.push(path)
    else remarks.push(`skipped: ${side}/${escaped(path)}: ${why}`)
  }
  if (paths.length === 0) faults.push(`${place} has no executable program: put one there, and chmod +x it`)
  return labelled(side, paths, remarks)
}

/** Paths below `folder`, sorted; links to folders are not followed. */
function filesBelow(folder: string): string[] {
  const walk = (below: string): string[] =>
    readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
      const path = join(below, entry.name)
      return entry.isDirectory() && existsSync(join(folder, path)) ? walk(path) : [path]
    })
  return walk('').toSorted()
}

function labelled(side: Side, paths: readonly string[], remarks: string[]): Program[] {
  const names = paths.map((path) => basename(path))
  return paths.map((path) => {
    const name = basename(path)
    if (names.indexOf(name) === names.lastIndexOf(name)) return { path, label: name }
    const label = path.replaceAll('/', '-')
    if (label !== name)
      remarks.push(
        `${side}/${escaped(path)}: its pairs are called ${escaped(label)}, another program has its name`,
      )
    return { path, label }
  })
}

/** `undefined` for a program. */
function whyNoProgram(within: string, file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (!stat) return file.includes('\ufffd') ? 'its name is not UTF-8' : 'a link to nothing'
  if (stat.isDirectory()) return 'a link to a folder'
  if (!stat.isFile()) return 'no ordinary file'
  if (!realpathSync(file).startsWith(realpathSync(within) + sep)) return 'a link that leaves the group'
  // for anybody: who runs it on the machine is another user than here, perhaps
  return (stat.mode & 0o111) !== 0 ? undefined : 'not executable'
}

function hooksOf(folder: string, within: string, remarks: string[]): HookName[] {
  const hooks: HookName[] = []
  for (const name of readdirSync(folder).toSorted()) {
    const hook = hookNames.find((each) => each === name)
    if (hook) {
      const why = whyNoProgram(within, join(folder, name))
      if (why === undefined) hooks.push(hook)
      else remarks.push(`skipped: ${name}: ${why}`)
    } else if (/^(before|after)_/.test(name) && isFile(join(folder, name)))
      remarks.push(`skipped: ${escaped(name)}: no hook is called so${meant(name)}`)
  }
  return hooks
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

function meant(name: string): string {
  const near = suggest(name, hookNames) ?? hookNames.find((each) => each.startsWith(name))
  return near === undefined ? '' : `, ${near} perhaps`
}

/** A checkout of mirage-bench is copied whole, as it does itself: its groups may use what lies beside them. */
function shippedOf(folder: string): string[] {
  const above = dirname(folder)
  if (!existsSync(join(above, 'run_test.sh'))) return [basename(folder)]
  return readdirSync(above).filter((name) => name !== 'results' && name !== '.git')
}
