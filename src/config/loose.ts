/** A config as it was written, whatever else is wrong with it: what has the wrong type is taken as not there. */

export type Loose = Record<string, unknown>

/** A part of a file with its place. */
export interface Placed {
  readonly value: Loose
  readonly path: readonly PropertyKey[]
}

export function list(value: unknown, path: PropertyKey[]): Placed[] {
  return Array.isArray(value)
    ? value.map((item: unknown, index) => ({ value: asObject(item), path: [...path, index] }))
    : []
}

export function asObject(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {}
}
