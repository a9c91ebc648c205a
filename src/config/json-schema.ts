/** The JSON Schema of config files, for editors: `config/schema.json` is its text. */
import { z } from 'zod'
import { configKeys, configSchema } from './schema.ts'

/** The text of `config/schema.json`: one config, or several under names. */
export function configJsonSchema(): string {
  const { $schema, ...config } = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' })
  const schema = {
    $schema,
    title: 'dpbench config',
    description: 'One config, or several under names of your choice (--env-config-name).',
    if: {
      type: 'object',
      anyOf: configKeys.filter((key) => key !== '$schema').map((key) => ({ required: [key] })),
    },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { $ref: '#/$defs/config' },
    else: {
      type: 'object',
      properties: { $schema: { type: 'string' } },
      additionalProperties: { $ref: '#/$defs/config' },
    },
    $defs: { config },
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}
