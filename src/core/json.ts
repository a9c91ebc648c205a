/** JSON from outside. JSON.parse takes any depth, and whatever walks or serialises the value then exhausts the stack. */

/** No document of ours, and none that a tool prints, comes near it. */
export const deepestJson = 200

const [quote, backslash, openList, closeList, openObject, closeObject] = [...'"\\[]{}'].map((each) =>
  each.charCodeAt(0),
)

/** Whether lists and objects lie in each other deeper than {@link deepestJson}. */
export function isTooDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (quoted) {
      if (code === backslash) index++
      else if (code === quote) quoted = false
    } else if (code === quote) quoted = true
    else if (code === openList || code === openObject) {
      if (++depth > deepestJson) return true
    } else if (code === closeList || code === closeObject) depth--
  }
  return false
}

/** @throws SyntaxError for what is no JSON, or nested too deep to be handled */
export function parseJson(text: string): unknown {
  if (isTooDeep(text)) throw new SyntaxError(`it is nested more than ${deepestJson} deep`)
  return JSON.parse(text) as unknown
}
