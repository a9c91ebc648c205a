/** Markdown in which text of tools and people stays text. */
import { plainText } from './plain-text.ts'

/** `""` without rows. A cell that begins with `**` is markup already. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  return [titles, titles.map(() => '---'), ...rows.map((row) => row.map(cell))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function cell(text: string): string {
  return text.startsWith('**') ? text : escapeMarkdown(text)
}

/** Text must neither end a table's cell nor become markup. */
export function escapeMarkdown(text: string): string {
  return plainText(text)
    .replaceAll(/[\\`*_[\]<>|]/g, (character) => (character === '<' ? '&lt;' : `\\${character}`))
    .replaceAll(/\s*\n\s*/g, '<br>')
}
