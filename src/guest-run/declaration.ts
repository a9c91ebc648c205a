/**
 * What a script needs of its guest: read from `KEY=value` lines, which it prints when called with `deps`, or from comments
 * at its head. Pure. The keys are those of ktest's first form (koverstreet/ktest, README of 2012) and a few more; its later
 * form, which prints shell variables, is translated by ktest-variables.ts.
 */
import { suggest } from '../core/suggest.ts'
import { parseDuration, parseSize } from './quantities.ts'

export interface Declaration {
  readonly memoryMiB: number
  readonly cpus: number
  /** Sizes in bytes, in the order of the disks. */
  readonly scratch: readonly number[]
  /** Files and programs that are put beside the script: looked up beside it, then in PATH. */
  readonly require: readonly string[]
  /** The same, looked up in a source tree. */
  readonly localRequire: readonly string[]
  /** For the run, or for each subtest where there are some. */
  readonly timeoutMs: number
  readonly kernelArgs: readonly string[]
  /** `none`: the script runs with its NICs down; files come and go before and after. */
  readonly network: 'user' | 'none'
}

/** A value and where it was written, for faults. */
export interface Setting {
  readonly key: string
  readonly value: string
  readonly where: string
}

export const keys = [
  'MEM',
  'CPUS',
  'SCRATCH',
  'REQUIRE',
  'LREQUIRE',
  'TIMEOUT',
  'KERNEL_ARGS',
  'NETWORK',
] as const
export type Key = (typeof keys)[number]

export const defaultTimeoutMs = 600_000
const smallestMemoryMiB = 64
/** virtio disks beyond vdz have names of two letters, which scripts of this kind do not expect. */
const mostDisks = 24

/** `KEY=value` lines. Empty lines and comments are passed over; what is neither is a fault. */
export function settingsOfLines(text: string, where: string, faults: string[]): Setting[] {
  const settings: Setting[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const plain = line.trim()
    if (plain === '' || plain.startsWith('#')) continue
    const [, key, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(plain) ?? []
    if (key === undefined)
      faults.push(`${where}, line ${index + 1}: '${shortened(plain)}' is no KEY=value: print nothing else`)
    else settings.push({ key, value: unquoted(value!), where })
  }
  return settings
}

/** `# MEM=512M` or `# MEM: 512M` in the comments at the head of a script; a comment that is no declaration is prose. */
export function settingsOfComments(text: string, where: string): Setting[] {
  const settings: Setting[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const comment = /^\s*(?:#|\/\/|--|;)\s?(.*)$/.exec(line)?.[1]
    if (comment === undefined) {
      if (line.trim() === '') continue
      break
    }
    if (line.startsWith('#!')) continue
    const [, key, value] = /^\s*([A-Z][A-Z_]+)\s*[=:]\s*(.*)$/.exec(comment) ?? []
    if (key === undefined) continue
    const near = (keys as readonly string[]).includes(key) || suggest(key, keys) !== undefined
    // `NOTE: …` is prose; `MEMM: …` is a mistake
    if (near || /=/.test(comment.slice(0, comment.indexOf(key) + key.length + 1)))
      settings.push({ key, value: unquoted(value!), where: `${where}:${index + 1}` })
  }
  return settings
}

/**
 * The declaration that `settings` make; what is wrong is added to `faults`. Lists add up; of any other key, one of
 * `overriding` (the command line) stands in the place of the script's, and two of one source are a fault.
 */
export function declarationOf(
  settings: readonly Setting[],
  where: string,
  faults: string[],
  overriding: readonly Setting[] = [],
): Declaration {
  const all = [...settings, ...overriding]
  for (const setting of all) if (!isKey(setting.key)) faults.push(unknownKey(setting))
  for (const source of [settings, overriding]) faults.push(...repeated(source))
  const read = <T>(key: Key, otherwise: T, parse: (value: string) => T): T => {
    const own = all.filter((setting) => setting.key === key)
    const last = own.at(-1)
    if (!last) return otherwise
    const values = isList(key) ? own : [last]
    try {
      return parse(values.map(({ value }) => value).join(' '))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      faults.push(`${last.where}: ${key}=${last.value}: ${error.message}`)
      return otherwise
    }
  }
  if (!all.some(({ key }) => key === 'MEM'))
    faults.push(`${where}: MEM is missing: say how much memory the guest needs, MEM=512M for instance`)
  return {
    memoryMiB: read('MEM', 0, parseMemory),
    cpus: read('CPUS', 1, parseCpus),
    scratch: read('SCRATCH', [], parseScratch),
    require: read('REQUIRE', [], listed),
    localRequire: read('LREQUIRE', [], listed),
    timeoutMs: read('TIMEOUT', defaultTimeoutMs, parseTimeout),
    kernelArgs: read('KERNEL_ARGS', [], (value) => value.split(/\s+/).filter(Boolean)),
    network: read('NETWORK', 'user', parseNetwork),
  }
}

/** A parser's sentence on a value: what to write in its place. */
class Refused extends Error {}

function parseMemory(value: string): number {
  const bytes = parseSize(value)
  if (bytes === undefined) throw new Refused('give a size, 512M or 2G')
  const memoryMiB = Math.ceil(bytes / 2 ** 20)
  if (memoryMiB < smallestMemoryMiB) {
    const forgotten = /^\d+$/.test(value) ? `: did you mean ${value}M?` : ''
    throw new Refused(`no guest starts with less than ${smallestMemoryMiB}M${forgotten}`)
  }
  return memoryMiB
}

function parseCpus(value: string): number {
  const cpus = Number(value)
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > 256)
    throw new Refused('give a whole number from 1 to 256')
  return cpus
}

function parseScratch(value: string): readonly number[] {
  const sizes = listed(value).map((size) => parseSize(size))
  if (sizes.some((size) => size === undefined || size % 512 !== 0 || size === 0))
    throw new Refused('give sizes with commas between them, 512M,2G for instance, in sectors of 512 bytes')
  if (sizes.length > mostDisks) throw new Refused(`give at most ${mostDisks} disks`)
  return sizes as number[]
}

function parseTimeout(value: string): number {
  const ms = parseDuration(value)
  if (ms === undefined) throw new Refused('give 1 second to a day: 90, 90s, 10m or 2h')
  return ms
}

function parseNetwork(value: string): 'user' | 'none' {
  if (value === 'user' || value === 'none') return value
  throw new Refused('give user or none')
}

function listed(value: string): readonly string[] {
  return value.split(/[\s,]+/).filter(Boolean)
}

function isKey(key: string): key is Key {
  return (keys as readonly string[]).includes(key)
}

function isList(key: Key): boolean {
  return ['SCRATCH', 'REQUIRE', 'LREQUIRE', 'KERNEL_ARGS'].includes(key)
}

function repeated(source: readonly Setting[]): string[] {
  const single = source.filter(({ key }) => isKey(key) && !isList(key))
  return [...Map.groupBy(single, ({ key }) => key)]
    .filter(([, settings]) => settings.length > 1)
    .map(([key, settings]) => `${settings[1]!.where}: ${key} is given twice: give it once`)
}

function unknownKey({ key, where }: Setting): string {
  const near = suggest(key, keys)
  const hint = near === undefined ? `use ${keys.join(', ')}` : `did you mean ${near}?`
  return `${where}: ${key} is no key: ${hint}`
}

function unquoted(value: string): string {
  const plain = value.trim()
  return /^(["']).*\1$/s.test(plain) ? plain.slice(1, -1) : plain
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
