/** What a wait for a text looks for: the text itself, or a regular expression. */

export type TextPattern = string | RegExp

/** Where it is first, and how long it is. */
export function matchIn(
  text: string,
  pattern: TextPattern,
): { readonly index: number; readonly length: number; readonly groups: readonly string[] } | undefined {
  if (typeof pattern === 'string') {
    const index = text.indexOf(pattern)
    return index < 0 ? undefined : { index, length: pattern.length, groups: [pattern] }
  }
  // a pattern that remembers where it was would find every second match only
  const found = new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, '')).exec(text)
  return found ? { index: found.index, length: found[0].length, groups: [...found] } : undefined
}

/** For a sentence. */
export function shown(pattern: TextPattern): string {
  return typeof pattern === 'string' ? JSON.stringify(pattern) : String(pattern)
}
