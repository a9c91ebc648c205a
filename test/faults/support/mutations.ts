/** Damaged input: documents with parts taken out, put in, swapped and replaced; texts cut and altered at any byte. */
import * as fc from 'fast-check'

/** Text that a careless program runs, splits, follows, formats or stores otherwise than as itself. */
export const nastyTexts: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '../../x',
  '/etc/passwd',
  '$(touch /tmp/pwned)',
  '`touch /tmp/pwned`',
  '; touch /tmp/pwned',
  "'; touch /tmp/pwned; '",
  '"; touch /tmp/pwned; "',
  'a\nb',
  'a\rb',
  'a\0b',
  '--help',
  '-rf',
  '%s%n',
  '${x}',
  '{{ x }}',
  '{% include "/etc/passwd" %}',
  '<a>&b;</a>',
  ']]>',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'NaN',
  '🦀',
  '\u202Eabc',
  '\uD800',
  '\uFEFF',
  'é'.normalize('NFD'),
  'x'.repeat(5000),
]

const oddValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e308,
  -1e308,
  2 ** 53,
  Number.MIN_VALUE,
  [],
  {},
  [[]],
  [null],
  { a: 1 },
  ...nastyTexts,
]

export const nastyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...nastyTexts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
)

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...oddValues) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom('@deep list@', '@deep object@') },
)

/** Nesting that no recursion over it survives; put in as text, as making it as a value would be one. */
const deep: Readonly<Record<string, string>> = {
  '"@deep list@"': '['.repeat(20_000) + ']'.repeat(20_000),
  '"@deep object@"': '{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000),
}

function asText(value: unknown): string {
  const text = JSON.stringify(value, null, 1) ?? ''
  return text.replaceAll(/"@deep (list|object)@"/g, (mark) => deep[mark]!)
}

type Change =
  | { readonly kind: 'remove' | 'double' | 'empty' }
  | { readonly kind: 'replace'; readonly value: unknown }
  | { readonly kind: 'add' | 'rename'; readonly key: string; readonly value: unknown }
  | { readonly kind: 'swap'; readonly other: number }

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.constantFrom('remove', 'double', 'empty').map((kind) => ({ kind })),
  oddValue.map((value) => ({ kind: 'replace' as const, value })),
  fc.record({ kind: fc.constantFrom('add' as const, 'rename' as const), key: nastyText, value: oddValue }),
  fc.nat().map((other) => ({ kind: 'swap' as const, other })),
)

type Holder = Record<string, unknown> | unknown[]
interface Place {
  readonly holder: Holder
  readonly key: string
}

function places(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return found
  for (const [key, member] of Object.entries(value)) {
    found.push({ holder: value as Holder, key })
    places(member, found)
  }
  return found
}

/** As JSON.parse does it: a key `__proto__` is a key. */
function put(holder: Holder, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true })
}

const get = ({ holder, key }: Place): unknown => (holder as Record<string, unknown>)[key]

function apply(document: unknown, at: number, change: Change): void {
  const all = places(document)
  const place = all[at % Math.max(1, all.length)]
  if (!place) return
  const { holder, key } = place
  const old = get(place)
  switch (change.kind) {
    case 'remove':
      if (Array.isArray(holder)) holder.splice(Number(key), 1)
      else delete holder[key]
      return
    case 'double':
      if (Array.isArray(holder)) holder.push(structuredClone(old))
      else put(holder, `${key}2`, structuredClone(old))
      return
    case 'empty':
      put(holder, key, Array.isArray(old) ? [] : typeof old === 'object' ? {} : '')
      return
    case 'replace':
      put(holder, key, structuredClone(change.value))
      return
    case 'add': {
      const into = typeof old === 'object' && old !== null ? (old as Holder) : holder
      if (Array.isArray(into)) into.push(structuredClone(change.value))
      else put(into, change.key, structuredClone(change.value))
      return
    }
    case 'rename':
      if (Array.isArray(holder)) return
      delete holder[key]
      put(holder, change.key, old)
      return
    case 'swap': {
      const other = all[change.other % all.length]!
      const theirs = structuredClone(get(other))
      put(holder, key, theirs)
      put(other.holder, other.key, structuredClone(old))
    }
  }
}

/** `document` with one to four changes. */
export function mutated(document: unknown): fc.Arbitrary<unknown> {
  return fc.array(fc.tuple(fc.nat(), change), { minLength: 1, maxLength: 4 }).map((changes) => {
    const copy: unknown = structuredClone(document)
    for (const [at, one] of changes) apply(copy, at, one)
    return copy
  })
}

/** `text` cut at a byte, or with bytes altered, put in, doubled or taken out. */
export function damaged(text: string): fc.Arbitrary<string> {
  const bytes = Buffer.from(text)
  const at = fc.nat({ max: bytes.length })
  const cut = at.map((end) => bytes.subarray(0, end))
  const without = fc
    .tuple(at, fc.nat({ max: 200 }))
    .map(([from, length]) => Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]))
  const withText = fc
    .tuple(at, nastyText)
    .map(([from, more]) => Buffer.concat([bytes.subarray(0, from), Buffer.from(more), bytes.subarray(from)]))
  const altered = fc
    .array(fc.tuple(at, fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 })
    .map((edits) => {
      const copy = Buffer.from(bytes)
      for (const [place, byte] of edits) if (place < copy.length) copy[place] = byte
      return copy
    })
  const doubled = fc
    .tuple(at, at)
    .map(([from, to]) => Buffer.concat([bytes, bytes.subarray(Math.min(from, to), Math.max(from, to))]))
  return fc
    .oneof(cut, without, withText, altered, doubled)
    .map((damagedBytes) => damagedBytes.toString('utf8'))
}

/** A JSON document's text: changed in its meaning, in its bytes, or both. */
export function damagedJson(document: unknown): fc.Arbitrary<string> {
  const whole = JSON.stringify(document, null, 1)
  return fc.oneof(
    { weight: 3, arbitrary: mutated(document).map(asText) },
    { weight: 1, arbitrary: damaged(whole) },
    { weight: 1, arbitrary: mutated(document).chain((value) => damaged(JSON.stringify(value) ?? '')) },
  )
}
