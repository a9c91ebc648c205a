/** bench-self.json: the newest figures of every part. A part that was not run this time keeps its own. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { UsageError, describeError } from '../src/core/errors.ts'
import { parseJson } from '../src/core/json.ts'
import type { Part } from './part.ts'

const spread = z.strictObject({ median: z.number(), min: z.number(), max: z.number() })
const figures = spread.extend({ values: z.array(z.number()).min(1) })
const circumstances = {
  name: z.string(),
  what: z.string(),
  unit: z.string(),
  reached: z.boolean(),
  notes: z.array(z.string()),
  /** `2026-11-21` */
  date: z.string(),
  machine: z.string(),
  /** Of dpbench; `+` behind it: with changes that are not committed. */
  commit: z.string(),
}
const row = z.strictObject({
  kind: z.literal('row'),
  ...circumstances,
  against: z.string(),
  ours: figures,
  peer: figures.optional(),
  ratio: spread.optional(),
  ratioIs: z.enum(['times faster', 'times as long']),
  reach: z.string(),
  checks: z.array(
    z.strictObject({
      name: z.string(),
      value: z.number(),
      unit: z.string(),
      limit: z.number(),
      reached: z.boolean(),
    }),
  ),
})
const growth = z.strictObject({
  kind: z.literal('growth'),
  ...circumstances,
  axis: z.string(),
  points: z.array(spread.extend({ size: z.number() })).min(3),
  exponent: z.number(),
  limit: z.number(),
})
const record = z.strictObject({
  version: z.literal(1),
  parts: z.array(z.discriminatedUnion('kind', [row, growth])),
})

export type RowResult = z.infer<typeof row>
export type GrowthResult = z.infer<typeof growth>
export type PartResult = RowResult | GrowthResult
export type BenchRecord = z.infer<typeof record>

/** @throws UsageError for a file that is none of ours */
export async function readRecord(file: string): Promise<BenchRecord> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { version: 1, parts: [] }
    throw error
  }
  try {
    return record.parse(parseJson(text))
  } catch (error) {
    throw new UsageError(
      `${file} is no record of this bench: take it away to begin anew (${describeError(error)})`,
      { cause: error },
    )
  }
}

/** `before` with what was measured now, in the order of the parts that there are; parts that are gone are left out. */
export function merged(
  before: BenchRecord,
  now: readonly PartResult[],
  parts: readonly Pick<Part, 'name'>[],
): BenchRecord {
  const all = new Map([...before.parts, ...now].map((result) => [result.name, result]))
  return { version: 1, parts: parts.flatMap(({ name }) => all.get(name) ?? []) }
}

/** @returns JSON that reads back as what it was */
export function recordText(given: BenchRecord): string {
  return `${JSON.stringify(record.parse(given), undefined, 2)}\n`
}
