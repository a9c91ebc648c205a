/** The four output formats of dpservice-cli: json, yaml, table, name. */
import type { Document, ErrorDocument, ObjectDocument, View } from './document.ts'

export const formats = ['json', 'yaml', 'table', 'name'] as const
export type Format = (typeof formats)[number]

export interface RenderOptions {
  readonly format: Format
  readonly pretty: boolean
  /** Said after the name: `created`, `deleted`. */
  readonly operation: string
  readonly view: View
}

/** The text for standard output, ending in a newline. A refused object is always shown by its name, not as a table. */
export function render(document: Document, options: RenderOptions): string {
  const { format, pretty } = options
  if (format === 'json') return renderJson(document, pretty)
  if (format === 'yaml') return renderYaml(document)
  const refused = document.status.code !== 0
  const operation = refused
    ? `server error: ${document.status.code}, ${document.status.message}`
    : options.operation
  if (format === 'table' && !refused) return renderTable(document, options.view)
  return renderNames(document, operation, options.view)
}

export function renderJson(document: Document | ErrorDocument, pretty: boolean): string {
  return `${JSON.stringify(document, null, pretty ? 2 : undefined)}\n`
}

/** Keys sorted, as the client's YAML library does. */
export function renderYaml(document: Document | ErrorDocument): string {
  return `${yamlLines(document as unknown as Yaml).join('\n')}\n`
}

function renderNames(document: Document, operation: string, view: View): string {
  const suffix = operation ? ` ${operation}` : ''
  if ('spec' in document) return `${document.kind.toLowerCase()}/${view.name(document)}${suffix}\n`
  if (!document.items) return `${document.kind.toLowerCase()}${suffix}\n`
  return document.items.map((item) => `${item.kind.toLowerCase()}/${view.name(item)}${suffix}\n`).join('')
}

function renderTable(document: Document, view: View): string {
  const objects: readonly ObjectDocument[] = 'spec' in document ? [document] : (document.items ?? [])
  const rows = [view.headers, ...objects.map((object) => view.row(object).map(String))]
  const widths = view.headers.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) => `${row.map((cell, column) => ` ${cell.padEnd(widths[column] ?? 0)} `).join(' ')}\n`)
    .join('')
}

type Yaml = string | number | boolean | null | readonly Yaml[] | { readonly [key: string]: Yaml | undefined }

function yamlLines(value: Yaml): string[] {
  if (Array.isArray(value)) {
    return (value as readonly Yaml[]).flatMap((item) => {
      const [first = '', ...rest] = yamlLines(item)
      return [`- ${first}`, ...rest.map((line) => `  ${line}`)]
    })
  }
  if (typeof value !== 'object' || value === null)
    return [yamlScalar(value as string | number | boolean | null)]
  const entries = Object.entries(value as Record<string, Yaml | undefined>).sort(([a], [b]) =>
    a < b ? -1 : 1,
  )
  return entries.flatMap(([key, inner]) => {
    if (inner === undefined) return []
    if (typeof inner !== 'object' || inner === null) return [`${key}: ${yamlScalar(inner as string)}`]
    if (Object.keys(inner).length === 0) return [`${key}: ${Array.isArray(inner) ? '[]' : '{}'}`]
    const indent = Array.isArray(inner) ? '' : '  '
    return [`${key}:`, ...yamlLines(inner).map((line) => indent + line)]
  })
}

function yamlScalar(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value)
  const plain =
    /^[A-Za-z_][\w./-]*( [\w./-]+)*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value)
  return plain ? value : JSON.stringify(value)
}
