/** JSON from outside. JSON.parse takes any depth, and whatever walks or serialises the value then exhausts the stack. */

/** No document of ours, and none that a tool prints, comes near it. */
export const deepestJson = 200

/** Whether lists and objects of what was parsed lie in each other deeper than {@link deepestJson}. Level by level: it calls nothing of itself. */
export function isTooDeep(value: unknown): boolean {
  let level = isContainer(value) ? [value] : []
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > deepestJson) return true
    const below: object[] = []
    for (const container of level) {
      const held: readonly unknown[] = Array.isArray(container) ? container : Object.values(container)
      for (const each of held) if (isContainer(each)) below.push(each)
    }
    level = below
  }
  return false
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** @throws SyntaxError for what is no JSON, or nested too deep to be handled */
export function parseJson(text: string): unknown {
  const value = JSON.parse(text) as unknown
  if (isTooDeep(value)) throw new SyntaxError(`it is nested more than ${deepestJson} deep`)
  return value
}
