/**
 * Finds the one JSON document in what iperf3 printed. iperf3 can print warnings before it and errors after it
 * (esnet/iperf issues 1143, 1631), and builds with an old cJSON print `-nan`, which is not JSON (issue 613).
 */

export type JsonText =
  | { readonly state: 'found'; readonly document: unknown; readonly before: string; readonly after: string }
  | { readonly state: 'none'; readonly problem: string }

/** The first complete `{…}` of the text, and what stands around it, trimmed. */
export function findJson(text: string): JsonText {
  if (text.trim() === '') return { state: 'none', problem: 'it printed nothing' }
  const start = text.indexOf('{')
  if (start < 0) return { state: 'none', problem: `it printed no JSON: ${excerpt(text)}` }
  const end = endOfObject(text, start)
  if (end === undefined)
    return { state: 'none', problem: `its JSON is cut off: …${excerpt(text.slice(-120))}` }
  const before = text.slice(0, start).trim()
  const after = text.slice(end).trim()
  try {
    return { state: 'found', document: JSON.parse(withoutNan(text.slice(start, end))), before, after }
  } catch (error) {
    return {
      state: 'none',
      problem: `its JSON is broken: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

/** The text on one line, cut short, for a message. */
export function excerpt(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ')
  return line.length > 120 ? `${line.slice(0, 120)}…` : line
}

function endOfObject(text: string, start: number): number | undefined {
  let depth = 0
  // Strings whole (with their escapes), or one brace: what lies between them does not matter here.
  const token = /"(?:[^"\\]|\\.)*"|[{}]/gs
  token.lastIndex = start
  for (let match = token.exec(text); match; match = token.exec(text)) {
    if (match[0] === '{') depth++
    else if (match[0] === '}' && --depth === 0) return token.lastIndex
  }
  return undefined
}

function withoutNan(json: string): string {
  return json.replaceAll(
    /("(?:[^"\\]|\\.)*")|-?\b(?:nan|inf(?:inity)?)\b/gi,
    (_, text?: string) => text ?? 'null',
  )
}
