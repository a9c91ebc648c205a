/** A measurement held against a baseline, as a run record keeps it. */
import { z } from 'zod'
import { comparisonSchema } from './comparison-schema.ts'

export const baselineCheckSchema = z.object({
  /** The baseline's name. */
  baseline: z.string(),
  /** `iperf3 ipv4 vm3 → vm1` */
  measurement: z.string(),
  /** `regression` when it was seen again in a second measurement; `missing` when the baseline has no figure of this test. */
  state: z.enum(['regression', 'not-seen-again', 'held', 'too-few', 'missing']),
  /** The whole of it, with figures. */
  sentence: z.string(),
  first: comparisonSchema.optional(),
  /** Of the second measurement, which a regression asks for. */
  again: comparisonSchema.optional(),
  /** How machines, configuration or tools differ, where that was allowed. */
  unlike: z.array(z.string()).default([]),
})
export type BaselineCheck = z.infer<typeof baselineCheckSchema>
