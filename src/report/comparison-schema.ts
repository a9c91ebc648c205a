/** A comparison of figures as it stands in documents: src/verdict's type, checked when one is read. */
import { z } from 'zod'
import { type Comparison, conclusions } from '../verdict/compare.ts'

const side = z.object({ n: z.number(), median: z.number() })

export const comparisonSchema = z.object({
  conclusion: z.enum(conclusions),
  p: z.number(),
  effect: z.number(),
  interval: z.object({ lower: z.number(), upper: z.number() }).nullable(),
  before: side,
  after: side,
  sentence: z.string(),
}) satisfies z.ZodType<Comparison>
