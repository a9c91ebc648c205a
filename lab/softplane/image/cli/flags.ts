/** Command-line flags the way Go's pflag reads them, for dpservice-cli's commands. */
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from '../shared/addresses.ts'

/** The client's own refusal: exit status 1. */
export class ClientError extends Error {}

export type FlagType =
  | 'string'
  | 'int32'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'address'
  | 'prefix'
  | 'duration'
  | 'vni-type'

export interface Flag {
  readonly type: FlagType
  readonly short?: string
  /** Without a default, the flag must be given. */
  readonly default?: FlagValue
}

export type FlagValue = string | number | boolean
export type FlagValues = Readonly<Record<string, FlagValue>>

export interface Parsed {
  readonly words: readonly string[]
  readonly given: ReadonlyMap<string, string>
}

/** Takes a command line apart; which flags take a value must be known for that. */
export function splitArguments(argv: readonly string[], flags: Readonly<Record<string, Flag>>): Parsed {
  const words: string[] = []
  const given = new Map<string, string>()
  const rest = [...argv]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith('-') || word === '-') {
      words.push(word)
      continue
    }
    const { name, inline } = flagOf(word, flags)
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
    if (!flag) throw new ClientError(`unknown flag: ${word.split('=')[0]}`)
    const value = inline ?? (flag.type === 'bool' ? 'true' : rest.shift())
    if (value === undefined) throw new ClientError(`flag needs an argument: ${word}`)
    given.set(name, value)
  }
  return { words, given }
}

function flagOf(
  word: string,
  flags: Readonly<Record<string, Flag>>,
): { name: string; inline: string | undefined } {
  const at = word.indexOf('=')
  const inline = at < 0 ? undefined : word.slice(at + 1)
  if (word.startsWith('--')) return { name: at < 0 ? word.slice(2) : word.slice(2, at), inline }
  const letter = word[1]
  const name = Object.keys(flags).find((key) => flags[key]?.short === letter) ?? ''
  const attached = at === 2 ? inline : word.slice(2)
  return { name, inline: attached === '' ? undefined : attached }
}

/** The values of a command's flags, checked; defaults where nothing was given. */
export function resolveFlags(
  flags: Readonly<Record<string, Flag>>,
  given: ReadonlyMap<string, string>,
): FlagValues {
  for (const name of given.keys()) {
    if (!Object.hasOwn(flags, name)) throw new ClientError(`unknown flag: --${name}`)
  }
  const entries = Object.entries(flags)
  const missing = entries.filter(([name, flag]) => flag.default === undefined && !given.has(name))
  if (missing.length > 0) {
    throw new ClientError(`required flag(s) ${missing.map(([name]) => `"${name}"`).join(', ')} not set`)
  }
  return Object.fromEntries(
    entries.map(([name, flag]) => {
      const text = given.get(name)
      return [name, text === undefined ? (flag.default ?? '') : convert(name, flag.type, text)]
    }),
  )
}

function convert(name: string, type: FlagType, text: string): FlagValue {
  const invalid = (reason: string): ClientError =>
    new ClientError(`invalid argument "${text}" for "--${name}" flag: ${reason}`)
  switch (type) {
    case 'string':
      return text
    case 'bool':
      if (text !== 'true' && text !== 'false') throw invalid('invalid syntax')
      return text === 'true'
    case 'int32':
      if (!/^-?\d+$/.test(text)) throw invalid('invalid syntax')
      if (Math.abs(Number(text)) >= 2 ** 31) throw invalid('value out of range')
      return Number(text)
    case 'uint32':
    case 'uint64': {
      if (!/^\d+$/.test(text)) throw invalid('invalid syntax')
      if (BigInt(text) >= 1n << (type === 'uint32' ? 32n : 64n)) throw invalid('value out of range')
      return Number(text)
    }
    case 'address': {
      const address = parseAddress(text)
      if (!address) throw invalid('unable to parse IP')
      return formatAddress(address)
    }
    case 'prefix': {
      const prefix = parsePrefix(text)
      if (!prefix) throw invalid('no prefix')
      return formatPrefix(prefix)
    }
    case 'duration': {
      const milliseconds = parseDuration(text)
      if (milliseconds === undefined) throw invalid('invalid duration')
      return milliseconds
    }
    case 'vni-type': {
      const type4or6 = ['ipv4', 'ipv6', 'both'].indexOf(text.toLowerCase())
      if (type4or6 >= 0) return type4or6
      if (!/^[012]$/.test(text)) throw new ClientError('VNI type can be only: ipv4 = 0/ipv6 = 1/both = 2')
      return Number(text)
    }
  }
}

/** Milliseconds of Go's duration syntax: `4s`, `1m30s`, `250ms`. */
function parseDuration(text: string): number | undefined {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * units[unit as keyof typeof units], 0)
}
