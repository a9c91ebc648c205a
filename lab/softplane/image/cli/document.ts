/** What dpservice-cli prints: one object, or one list (`go/dpservice-go/api/types.go`). */
import type { Status } from '../shared/status.ts'

export interface ObjectDocument {
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: Readonly<Record<string, unknown>>
  readonly status: Status
}

export interface ListDocument {
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly status: Status
  /** `null` in a refused list. */
  readonly items: readonly ObjectDocument[] | null
}

/** The failure of a call that brought no object. */
export interface ErrorDocument {
  readonly kind: 'Error'
  readonly spec: { readonly source: 'server' | 'grpc' | 'client' }
  readonly status: Status
}

export type Document = ObjectDocument | ListDocument
export type Cell = string | number | boolean

/** How a kind is shown to people. */
export interface View {
  /** The object's name in `kind/name`. */
  readonly name: (document: ObjectDocument) => string
  readonly headers: readonly string[]
  readonly row: (document: ObjectDocument) => readonly Cell[]
}

/** The underlay address that an object was given, for the words after its name. */
export function underlayRoute(document: Document): string {
  return 'spec' in document ? String(document.spec.underlay_route ?? '') : ''
}
