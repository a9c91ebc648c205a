/** One command: what the command line may say, which of the service's calls it makes, and what it prints. */
import type { Status } from '../shared/status.ts'
import type { Document, View } from './document.ts'
import type { Flag, FlagValues } from './flags.ts'

type Fields = Readonly<Record<string, unknown>>

export interface Command {
  readonly verb: 'create' | 'delete' | 'get' | 'list' | 'reset' | 'init'
  /** The object's name and its aliases; none for a verb that stands alone. */
  readonly nouns: readonly string[]
  readonly flags: Readonly<Record<string, Flag>>
  readonly method: string
  readonly params: (flags: FlagValues) => Fields
  /** `result` is empty in a refusal. */
  readonly document: (status: Status, result: Fields, flags: FlagValues) => Document
  readonly operation?: (document: Document) => string
  readonly view: View
}

/** The status of an item within a list. */
export const itemStatus: Status = { code: 0, message: '' }

export function required(type: Flag['type']): Flag {
  return { type }
}

export function optional(type: Flag['type'], value: NonNullable<Flag['default']>): Flag {
  return { type, default: value }
}
