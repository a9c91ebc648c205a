/** Markdown in which text of tools and people stays text. */
import { plainText } from './plain-text.ts'

/** A table of cells that are Markdown already; nothing where it has no row. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  return [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Text must neither end a table's cell nor become markup. */
export function escapeMarkdown(text: string): string {
  return plainText(text)
    .replaceAll(/[\\`*_[\]<>|]/g, (character) => (character === '<' ? '&lt;' : `\\${character}`))
    .replaceAll(/\s*\n\s*/g, '<br>')
}
