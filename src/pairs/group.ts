/**
 * A group of programs, as the mirage-bench test framework has it: executables in `local/` and `remote/` of a folder, each of
 * which runs with each, and up to four hooks.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
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
  readonly local: string
  readonly remote: string
  /** `client_x_server`: the name of its results folder. */
  readonly name: string
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
  /** What was passed over, and why, for people. */
  readonly skipped: readonly string[]
}

/** Reads a group. @throws UsageError with each fault in a sentence */
export function readGroup(folder: string): Group {
  const absolute = resolve(folder)
  const stat = statSync(absolute, { throwIfNoEntry: false })
  if (!stat) throw new UsageError(`there is no folder ${folder}: write one, or dpbench pairs new ${folder}`)
  if (!stat.isDirectory()) throw new UsageError(`${folder} is no folder: name a group's folder`)
  const faults: string[] = []
  const skipped: string[] = []
  const shipped = shippedOf(absolute)
  const within = shipped.length === 1 ? absolute : dirname(absolute)
  const [local, remote] = sides.map((side) => programsOf(absolute, within, side, faults, skipped)) as [
    string[],
    string[],
  ]
  const hooks = hooksOf(absolute, skipped)
  const pairs = local.flatMap((one) =>
    remote.map((other) => ({ local: one, remote: other, name: `${one}_x_${other}` })),
  )
  const names = pairs.map(({ name }) => name)
  for (const name of new Set(names.filter((each, index) => names.indexOf(each) < index)))
    faults.push(`${absolute} has two pairs that are called ${name}: rename a program`)
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return { name: basename(absolute), folder: absolute, shipped, pairs, hooks, skipped }
}

function programsOf(
  folder: string,
  within: string,
  side: Side,
  faults: string[],
  skipped: string[],
): string[] {
  const place = join(folder, side)
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) {
    faults.push(`${folder} has no folder ${side}/: put the programs of the ${side} machine there`)
    return []
  }
  const programs: string[] = []
  for (const name of readdirSync(place).toSorted()) {
    const why = whyNoProgram(within, join(place, name))
    if (why === undefined) programs.push(name)
    else if (why !== '') skipped.push(`${side}/${name}: ${why}`)
  }
  if (programs.length === 0) faults.push(`${place} has no executable program: put one there, and chmod +x it`)
  return programs
}

/** `undefined` for a program; a folder beside the programs is theirs, and not worth a word. */
function whyNoProgram(within: string, file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (!stat) return 'a link to nothing'
  if (stat.isDirectory()) return ''
  if (!stat.isFile()) return 'no ordinary file'
  if (!realpathSync(file).startsWith(realpathSync(within) + sep)) return 'a link that leaves the group'
  return isExecutable(file) ? undefined : 'not executable'
}

/** For anybody: who runs it on the machine is another user than here, perhaps. */
function isExecutable(file: string): boolean {
  return (statSync(file).mode & 0o111) !== 0
}

function hooksOf(folder: string, skipped: string[]): HookName[] {
  const hooks: HookName[] = []
  for (const name of readdirSync(folder).toSorted()) {
    const file = join(folder, name)
    const stat = statSync(file, { throwIfNoEntry: false })
    if (!stat?.isFile()) continue
    const hook = hookNames.find((each) => each === name)
    if (hook && isExecutable(file)) hooks.push(hook)
    else if (hook) skipped.push(`${name}: not executable`)
    else if (/^(before|after)_/.test(name)) skipped.push(`${name}: no hook is called so${meant(name)}`)
  }
  return hooks
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
