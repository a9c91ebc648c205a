/** HTML from templates in which every value is text, unless it is markup itself. */
import { plainText } from '../plain-text.ts'

/** Text that is already HTML. Only `html` and `trusted` make it. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Fragment = string | number | Markup | false | undefined | readonly Fragment[]

/** A template whose values are escaped; nothing is written for `false` and `undefined`. */
export function html(literals: TemplateStringsArray, ...values: readonly Fragment[]): Markup {
  let raw = compact.get(literals)
  if (!raw) compact.set(literals, (raw = literals.map((literal) => literal.replaceAll(/\s*\n\s*/g, '\n'))))
  return new Markup(String.raw({ raw }, ...values.map(written)))
}

/** Templates without the white space that lines them up in the source. */
const compact = new WeakMap<TemplateStringsArray, string[]>()

/** Markup that was made elsewhere, such as a chart: never text of tools or people. */
export function trusted(text: string): Markup {
  return new Markup(text)
}

function written(value: Fragment): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Markup) return value.text
  if (Array.isArray(value)) return value.map(written).join('')
  return escapeHtml(String(value))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return plainText(text).replaceAll(/[&<>"']/g, (character) => entities[character]!)
}

/** A value as JSON inside a `<script type="application/json">`, which nothing in it can end. */
export function embeddedJson(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll('<', String.raw`\u003c`))
}
