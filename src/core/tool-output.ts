/** What tools print as JSON, read with the caution that other people's output needs. */
import type { z } from 'zod'
import { MachineError } from './errors.ts'
import { parseJson } from './json.ts'

/**
 * @param source who printed it, for the message: `vm1: ip -json address`
 * @throws MachineError when it is no JSON, or not what the tool prints
 */
export function toolJson<T extends z.ZodType>(schema: T, text: string, source: string): z.output<T> {
  let value: unknown
  try {
    value = parseJson(text)
  } catch (error) {
    throw new MachineError(`${source} printed what is no JSON: ${beginningOf(text)}`, { cause: error })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [{ path, message } = { path: [], message: 'not as it should be' }] = parsed.error.issues
  throw new MachineError(
    `${source} printed JSON of another form (${[...path, message].join(': ')}): ${beginningOf(text)}`,
  )
}

function beginningOf(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ')
  if (line === '') return 'nothing'
  return line.length > 120 ? `${line.slice(0, 120)}…` : line
}
