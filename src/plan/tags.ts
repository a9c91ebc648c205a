/** Whether a test with these tags runs under `--tags`, by the rules of Vitest's `--tags-filter`: `!`, `&&`, `||`, their words, brackets, `*`. */
export function tagsMatch(expression: string, tags: readonly string[]): boolean {
  const tokens = expression.match(/\(|\)|&&|\|\||!|[^\s()!&|]+/g) ?? []
  let at = 0
  const takes = (...words: readonly string[]): boolean => {
    if (!words.includes(tokens[at]?.toLowerCase() ?? '')) return false
    at++
    return true
  }
  const any = (): boolean => {
    let value = all()
    while (takes('||', 'or')) value = all() || value
    return value
  }
  const all = (): boolean => {
    let value = one()
    while (takes('&&', 'and')) value = one() && value
    return value
  }
  const one = (): boolean => {
    if (takes('!', 'not')) return !one()
    if (takes('(')) {
      const value = any()
      takes(')')
      return value
    }
    const name = tokens[at++] ?? ''
    const pattern = new RegExp(`^${name.split('*').map(escaped).join('.*')}$`)
    return tags.some((tag) => pattern.test(tag))
  }
  return any()
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
