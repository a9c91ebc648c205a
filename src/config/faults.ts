/** Turns what zod found into one sentence per fault, each with its path in the file and what to write instead. */
import type { z } from 'zod'
import { suggest } from '../core/suggest.ts'
import { shown } from './fields.ts'

export interface Fault {
  readonly path: readonly PropertyKey[]
  readonly sentence: string
}

/** `hypervisors[0].vms[1].if_config.ipv4`. */
export function jsonPath(path: readonly PropertyKey[]): string {
  let result = ''
  for (const part of path) {
    if (typeof part === 'number') result += `[${part}]`
    else if (/^[A-Za-z_$][\w$-]*$/.test(String(part)))
      result += result === '' ? String(part) : `.${String(part)}`
    else result += `[${JSON.stringify(String(part))}]`
  }
  return result
}

export function formatFault({ path, sentence }: Fault): string {
  return path.length === 0 ? `the file ${sentence}` : `${jsonPath(path)} ${sentence}`
}

/** Every fault that `schema` finds in `value`, deeper unions opened, misspelled keys with the key that was meant. */
export function schemaFaults(schema: z.ZodType, value: unknown): Fault[] {
  const result = schema.safeParse(value)
  return result.success ? [] : result.error.issues.flatMap((issue) => issueFaults(schema, issue, []))
}

type Issue = z.core.$ZodIssue

function issueFaults(schema: z.ZodType, issue: Issue, prefix: readonly PropertyKey[]): Fault[] {
  const path = [...prefix, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path)
    return issue.keys.map((key) => {
      const meant = suggest(key, known)
      return {
        path: [...path, key],
        sentence: meant
          ? `is not a known key; did you mean "${meant}"?`
          : `is not a known key; known here: ${known.join(', ')}`,
      }
    })
  }
  if (issue.code === 'invalid_union') {
    // the branch that agrees with the kind of value is the one that was meant
    const meant = issue.errors.find(
      (branch) => !branch.some((inner) => inner.path.length === 0 && inner.code !== 'unrecognized_keys'),
    )
    if (meant) return meant.flatMap((inner) => issueFaults(schema, inner, path))
    const messages = issue.errors.flat().map((inner) => inner.message)
    return [{ path, sentence: messages.at(-1) ?? 'is not possible' }]
  }
  return [{ path, sentence: issue.message }]
}

/** The keys that the object at `path` may have. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current = openings(schema)
  for (const part of path) current = current.flatMap((one) => openings(step(one, part)))
  return [...new Set(current.flatMap((one) => Object.keys(one.def.type === 'object' ? shapeOf(one) : {})))]
}

function step(schema: z.ZodType, part: PropertyKey): z.ZodType | undefined {
  const def = schema.def as z.core.$ZodTypeDef & { element?: z.ZodType; valueType?: z.ZodType }
  return def.type === 'object' ? shapeOf(schema)[String(part)] : (def.element ?? def.valueType)
}

/** Without the wrappers; a union is all of its branches. */
function openings(schema: z.ZodType | undefined): z.ZodType[] {
  if (!schema) return []
  const def = schema.def as z.core.$ZodTypeDef & { innerType?: z.ZodType; options?: z.ZodType[] }
  if (def.options) return def.options.flatMap((option) => openings(option))
  return def.innerType ? openings(def.innerType) : [schema]
}

function shapeOf(schema: z.ZodType): Record<string, z.ZodType> {
  return (schema as z.ZodObject<Record<string, z.ZodType>>).shape
}

/** `"vm1"` for a message. */
export const quoted = shown
