/** The page docs/configuration.md: every key of a config file, from the same schema that checks the file. */
import { z } from 'zod'
import { configJsonSchema } from './json-schema.ts'
import { profiles } from './measurement.ts'

const node = z.looseObject({
  type: z.string().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  default: z.json().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  required: z.array(z.string()).default([]),
  get properties() {
    return z.record(z.string(), node).default({})
  },
  get items() {
    return z.union([node, z.literal(false)]).optional()
  },
  get prefixItems() {
    return z.array(node).optional()
  },
  get additionalProperties() {
    return z.union([node, z.boolean()]).optional()
  },
  get anyOf() {
    return z.array(node).default([])
  },
})
type Node = z.infer<typeof node>

const introduction = `# Configuration

<!-- Written by \`npm run schema\` from src/config/schema.ts. A test fails when it is not fresh. -->

A config is a JSON file. It holds one config, or several under names of your choice, of which \`--env-config-name\` picks
one. \`config/schema.json\` is its JSON Schema: an editor that is told of it by \`$schema\` completes keys and marks faults.
Unknown keys are faults; all faults of a file are told at once, each with its path and with what to write instead.

Which file is read: the one that \`--env-config-file\` (or \`DPBENCH_ENV_CONFIG_FILE\`) names; else
\`config/test_configurations.json\` in the working folder; else the config of the one lab that runs on this machine.

Paths are taken from the config file's own folder; \`~\` is the home folder. A default of — means: nothing is set.`

/** The text of docs/configuration.md. */
export function configDocs(): string {
  const { config } = z
    .object({ $defs: z.object({ config: node }) })
    .parse(JSON.parse(configJsonSchema())).$defs
  return `${[introduction, ...sections('The config', config, ''), profileTable()].join('\n\n')}\n`
}

/** A table of an object's keys, then the same of the objects in it. */
function sections(title: string, object: Node, path: string): string[] {
  const rows = Object.entries(object.properties).map(([key, value]) => {
    const required = object.required.includes(key)
    const cells = [`\`${key}\``, typeOf(value), required ? '**required**' : defaultOf(value)]
    return `| ${[...cells, value.description ?? ''].map(cell).join(' | ')} |`
  })
  const table = ['| key | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
  const inner = Object.entries(object.properties).flatMap(([key, value]) => {
    const [found, suffix] = objectIn(value)
    const place = `${path}${key}${suffix}`
    return found ? sections(`\`${place}\``, found, `${place}.`) : []
  })
  return [`## ${title}`, table, ...inner]
}

/** The object that a value is, or that a list or a choice holds. */
function objectIn(value: Node): [Node | undefined, string] {
  if (Object.keys(value.properties).length > 0) return [value, '']
  const choice = value.anyOf.find((each) => Object.keys(each.properties).length > 0)
  if (choice) return [choice, '']
  const byName = value.additionalProperties
  if (typeof byName === 'object' && Object.keys(byName.properties).length > 0) return [byName, '.<name>']
  return value.items ? [objectIn(value.items)[0], '[]'] : [undefined, '']
}

function typeOf(value: Node): string {
  if (value.enum) return value.enum.map((word) => `\`"${word}"\``).join(', ')
  if (value.anyOf.length > 0) return value.anyOf.map((each) => typeOf(each)).join(', or ')
  if (value.prefixItems) return `list of ${value.prefixItems.length}: ${typeOf(value.prefixItems[0]!)}`
  if (value.items) return `list of: ${typeOf(value.items)}`
  if (value.title !== undefined) return `text: ${value.title}`
  if (typeof value.additionalProperties === 'object')
    return `object by name: ${typeOf(value.additionalProperties)}`
  switch (value.type) {
    case 'integer':
    case 'number':
      return `${value.type === 'integer' ? 'whole number' : 'number'}${range(value)}`
    case 'boolean':
      return '`true` or `false`'
    case 'string':
      return 'text'
    default:
      return value.type ?? 'any'
  }
}

function range({ minimum, maximum }: Node): string {
  return minimum === undefined || maximum === undefined ? '' : `, ${minimum} to ${maximum}`
}

function defaultOf(value: Node): string {
  return value.default === undefined ? '—' : `\`${JSON.stringify(value.default)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/<([^>]*)>/g, '&lt;$1&gt;')
}

function profileTable(): string {
  const all = Object.values(profiles)
  const row = (name: string, of: (profile: (typeof all)[number]) => unknown): string =>
    `| ${[name, ...all.map((profile) => String(of(profile)))].join(' | ')} |`
  return [
    '## The measurement profiles',
    '',
    'What a profile sets; each number can be changed by its key in `measurement`.',
    '',
    row('', ({ name }) => `\`${name}\``),
    `|---${'|---'.repeat(all.length)}|`,
    row('`kept_seconds`', ({ keptSeconds }) => keptSeconds),
    row('`warm_up_seconds`', ({ warmUpSeconds }) => warmUpSeconds),
    row('`warm_down_seconds`', ({ warmDownSeconds }) => warmDownSeconds),
    row('`repetitions`, at least', ({ repetitions }) => repetitions.min),
    row('`repetitions`, at most', ({ repetitions }) => repetitions.max),
    row('`gap_seconds`', ({ gapSeconds }) => gapSeconds),
    row('`max_cov`', ({ maxCov }) => maxCov),
  ].join('\n')
}
