/** Which config of a file is meant: a file holds one, or several under names. */
import { ConfigError } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'
import { configKeys } from './schema.ts'

export interface ChosenConfig {
  readonly value: unknown
  /** Where it is in the file, for messages. */
  readonly path: readonly PropertyKey[]
  /** `undefined` for a file that holds one config without a name. */
  readonly name?: string | undefined
}

/**
 * The config itself, or the one called `name` in a file that holds several: as the members of an object, or as dpservice's
 * suite once had them, in a list `environments` whose items have a `name`.
 * @throws ConfigError naming those that there are
 */
export function chooseConfig(value: unknown, name: string | undefined, file: string): ChosenConfig {
  const several = listed(value) ?? members(value)
  if (!several) {
    if (name === undefined) return { value, path: [] }
    throw new ConfigError(`${file} holds one config without a name: leave --env-config-name out.`)
  }
  const [only, ...others] = several
  if (name === undefined && only && others.length === 0) return only
  const names = several.map((config) => config.name)
  if (name === undefined) {
    throw new ConfigError(
      `${file} holds several configs: say which one.`,
      names.map((each) => `--env-config-name ${each}`),
    )
  }
  const [found, twin] = several.filter((config) => config.name === name)
  if (twin) throw new ConfigError(`${file} has "${name}" twice: give each config a name of its own.`)
  if (found) return found
  const meant = suggest(name, names)
  throw new ConfigError(
    `${file} has no config "${name}"${meant ? `; did you mean "${meant}"?` : ''} It has: ${names.join(', ')}.`,
  )
}

type Named = ChosenConfig & { readonly name: string }

function members(value: unknown): Named[] | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value).filter(([key]) => key !== '$schema')
  if (entries.length === 0) return undefined
  if (entries.some(([key, member]) => configKeys.includes(key) || !isObject(member))) return undefined
  return entries.map(([name, member]) => ({ name, value: member, path: [name] }))
}

function listed(value: unknown): Named[] | undefined {
  if (!isObject(value) || !Array.isArray(value['environments'])) return undefined
  const items: readonly unknown[] = value['environments']
  if (!items.every((item) => isObject(item) && typeof item['name'] === 'string')) return undefined
  return (items as { name: string }[]).map(({ name, ...config }, index) => ({
    name,
    value: config,
    path: ['environments', index],
  }))
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
