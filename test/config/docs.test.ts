import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { normalize } from '../../src/config/normalize.ts'
import { configDocs } from '../../src/config/schema-docs.ts'
import { configSchema } from '../../src/config/schema.ts'

const root = path.join(import.meta.dirname, '../..')

test('docs/configuration.md is fresh: npm run schema', () => {
  expect(readFileSync(path.join(root, 'docs/configuration.md'), 'utf8')).toBe(configDocs())
})

interface JsonSchema {
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
}

/** The value with every default of the schema written down where the value has no such key. */
function withDefaults(value: unknown, schema: JsonSchema): unknown {
  if (Array.isArray(value)) return value.map((item) => withDefaults(item, schema.items ?? {}))
  if (typeof value !== 'object' || value === null) return value
  const defaults = Object.entries(schema.properties ?? {}).filter(
    ([, { default: usual }]) => usual !== undefined,
  )
  return {
    ...Object.fromEntries(defaults.map(([key, { default: usual }]) => [key, usual])),
    ...Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, withDefaults(inner, schema.properties?.[key] ?? {})]),
    ),
  }
}

test('a config with every default of the schema written down is the config without them', async () => {
  const { $defs } = JSON.parse(configJsonSchema()) as { $defs: { config: JsonSchema } }
  const file = path.join(root, 'config/examples/two-servers.json')
  const example = JSON.parse(readFileSync(file, 'utf8')) as { hypervisors: object[]; libvirt?: object }
  const plain = {
    ...example,
    libvirt: {},
    hypervisors: example.hypervisors.map((one) => ({ ...one, dpservice: {} })),
  }
  const written = withDefaults(plain, $defs.config)
  expect(written).not.toEqual(plain)
  const scope = { folder: root, env: {} }
  const load = (value: unknown): Promise<unknown> =>
    normalize(configSchema.parse(value), 'example', file, scope)
  expect(await load(written)).toEqual(await load(plain))
})
