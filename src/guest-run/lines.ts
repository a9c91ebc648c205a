/** Text of a console, in pieces as it comes, as lines: without carriage returns and the terminal's own sequences. */
import { stripVTControlCharacters } from 'node:util'

const longest = 65_536

export class Lines {
  private rest = ''
  private readonly onLine: (line: string) => void

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine
  }

  add(piece: string): void {
    const parts = (this.rest + piece).split('\n')
    this.rest = parts.pop() ?? ''
    for (const part of parts) this.onLine(plainLine(part))
    // a guest that never ends a line must not fill the memory
    if (this.rest.length > longest) this.end()
  }

  /** The last line may have no end. */
  end(): void {
    if (this.rest !== '') this.onLine(plainLine(this.rest))
    this.rest = ''
  }
}

export function plainLine(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\r', '')
}
