/** Changes numbers in the text of a JSON document, and nothing else of it: a person's layout stays as it was. */

/** Keys and indices from the top. */
export type JsonPath = readonly (string | number)[]

export interface NumberEdit {
  readonly path: JsonPath
  readonly value: number
}

/**
 * Puts each number where its path leads: over the value that is there, or as the last member of its object, which may have
 * to be made, too. The text must be JSON.
 * @throws TypeError when a path leads through something that is neither object nor list
 */
export function editNumbers(text: string, edits: readonly NumberEdit[]): string {
  return edits.reduce((edited, { path, value }) => put(edited, path, value), text)
}

function put(text: string, path: JsonPath, value: number): string {
  let place = valueAt(text, 0)
  for (const [depth, key] of path.entries()) {
    const member = membersOf(text, place).find((each) => each.key === key)
    if (!member) return insert(text, place, path.slice(depth), value)
    place = member.value
  }
  return splice(text, place.start, place.end, String(value))
}

interface Span {
  readonly start: number
  readonly end: number
}

interface Member {
  readonly key: string | number
  /** Where its key begins, or of a list's item its value. */
  readonly start: number
  readonly value: Span
}

/** A new last member with what it needs above it, laid out as its neighbours are. */
function insert(text: string, parent: Span, path: JsonPath, value: number): string {
  const [key, ...deeper] = path
  if (text[parent.start] !== '{' || typeof key !== 'string')
    throw new TypeError(`there is no place for ${path.join('.')}`)
  const content = deeper.reduceRight<unknown>((inner, each) => ({ [each]: inner }), value)
  const members = membersOf(text, parent)
  const last = members.at(-1)
  const ownLine = /[\n\r]/.test(text.slice(parent.start, last?.start ?? parent.end))
  if (!ownLine && last) {
    const gap = members.length > 1 ? between(text, members.at(-2)!, last) : ', '
    return splice(text, last.value.end, last.value.end, `${gap}${JSON.stringify(key)}: ${oneLine(content)}`)
  }
  const newLine = text.includes('\r\n') ? '\r\n' : '\n'
  const outer = indentAt(text, parent.start)
  const step = stepOf(text)
  const inner = last ? indentAt(text, last.start) : outer + step
  const written = JSON.stringify(content, undefined, step).replaceAll('\n', newLine + inner)
  const member = `${JSON.stringify(key)}: ${written}`
  if (last) return splice(text, last.value.end, last.value.end, `,${newLine}${inner}${member}`)
  return splice(text, parent.start, parent.end, `{${newLine}${inner}${member}${newLine}${outer}}`)
}

/** The comma between two members with the space around it. */
function between(text: string, { value }: Member, next: Member): string {
  return text.slice(value.end, next.start)
}

function oneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${oneLine(each)}`)
  return `{ ${members.join(', ')} }`
}

/** The white space at the beginning of the line that `position` is in. */
function indentAt(text: string, position: number): string {
  const line = text.slice(text.lastIndexOf('\n', position - 1) + 1)
  return /^[ \t]*/.exec(line)![0]
}

/** What one level is indented by: the first indented line's. */
function stepOf(text: string): string {
  return /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
}

function splice(text: string, start: number, end: number, insertion: string): string {
  return text.slice(0, start) + insertion + text.slice(end)
}

function membersOf(text: string, { start }: Span): Member[] {
  const list = text[start] === '['
  if (!list && text[start] !== '{') throw new TypeError('it is neither an object nor a list')
  const members: Member[] = []
  for (let at = skip(text, start + 1); text[at] !== '}' && text[at] !== ']';) {
    if (text[at] === ',') {
      at = skip(text, at + 1)
      continue
    }
    const key = list ? undefined : valueAt(text, at)
    const value = valueAt(text, key ? skip(text, key.end) + 1 : at)
    members.push({
      key: key ? (JSON.parse(text.slice(key.start, key.end)) as string) : members.length,
      start: at,
      value,
    })
    at = skip(text, value.end)
  }
  return members
}

/** The value that begins at `position` or after the space there. */
function valueAt(text: string, position: number): Span {
  const start = skip(text, position)
  const first = text[start]
  if (first === '"') return { start, end: endOfString(text, start) }
  if (first !== '{' && first !== '[') {
    const [scalar = ''] = /^[^\s,\]}]*/.exec(text.slice(start)) ?? []
    return { start, end: start + scalar.length }
  }
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at]!
    if (character === '"') at = endOfString(text, at) - 1
    else if ('{['.includes(character)) depth++
    else if ('}]'.includes(character) && --depth === 0) return { start, end: at + 1 }
  }
  throw new TypeError('the text ends inside of an object or a list')
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function skip(text: string, position: number): number {
  let at = position
  while (/[\s\uFEFF]/.test(text[at] ?? '')) at++
  return at
}
