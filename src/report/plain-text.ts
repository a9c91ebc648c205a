/** Text from tools, people and remote machines, without what a terminal would obey. */
import { stripVTControlCharacters } from 'node:util'

/** Without colour codes and other control characters; tabs and line breaks stay. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[^\P{Cc}\t\n]/gu, '')
}
