/** Names that others chose, in lines that people and programs read. */

/** With control characters as `\x1b`: a line stays one line, and no terminal does what a name tells it. */
export function escaped(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (found) => `\\x${found.codePointAt(0)!.toString(16).padStart(2, '0')}`)
}
