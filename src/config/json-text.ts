/** Reads JSON; a fault says its line and column, and a key that stands twice is a fault too. */
import { ConfigError } from '../core/errors.ts'
import { deepestJson, isTooDeep } from '../core/json.ts'

/**
 * @throws ConfigError naming the file, the line and the column.
 */
export function parseJsonText(text: string, file: string): unknown {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    throw new ConfigError(`${file} is not valid JSON.`, [describe(body, error)])
  }
  if (isTooDeep(value))
    throw new ConfigError(
      `${file} is nested more than ${deepestJson} deep, which no config is: look at its brackets.`,
    )
  const twice = repeatedKeys(body)
  if (twice.length > 0) throw new ConfigError(`${file} says something twice.`, twice)
  return value
}

function describe(body: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  // V8 gives the offset, or nothing when the text ends too early
  const offset = Number(/at position (\d+)/.exec(message)?.[1] ?? body.length)
  const reason = message.replace(/ in JSON at position.*$/s, '').replace(/ at position.*$/s, '')
  return `${place(body, offset)}: ${reason}; look for a missing or superfluous comma, quote or bracket there or just before`
}

function place(body: string, offset: number): string {
  const before = body.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`
}

/** JSON.parse keeps the last of two equal keys in silence, so a copied block would lose an edit. */
function repeatedKeys(body: string): string[] {
  const faults: string[] = []
  const scopes: (Set<string> | undefined)[] = []
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/g
  for (let match = token.exec(body); match; match = token.exec(body)) {
    const [text] = match
    if (text === '{') scopes.push(new Set())
    else if (text === '[') scopes.push(undefined)
    else if (text === '}' || text === ']') scopes.pop()
    else {
      const scope = scopes.at(-1)
      const isKey = /^\s*:/.test(body.slice(token.lastIndex, token.lastIndex + 200))
      if (!scope || !isKey) continue
      const key = JSON.parse(text) as string
      if (scope.has(key))
        faults.push(`${place(body, match.index)}: the key "${key}" is there twice; keep one`)
      scope.add(key)
    }
  }
  return faults
}
