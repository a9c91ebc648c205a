/** Figures beside throughput as they stand in a run record: src/verdict's types, checked when a record is read. */
import { z } from 'zod'
import { metricUnits, type Metric, type MetricVerdict } from '../verdict/metric.ts'
import { ruleSchema, statisticsSchema } from './verdict-schema.ts'

const metricVerdict = z.object({
  state: z.enum(['PASS', 'FAIL', 'UNSTABLE']),
  expectation: z.object({
    /** Its name in the config. */
    key: z.string(),
    bound: z.enum(['at_least', 'at_most']),
    value: z.number(),
  }),
  rule: ruleSchema,
  sentence: z.string(),
}) satisfies z.ZodType<MetricVerdict>

const metricShape = z.object({
  name: z.string(),
  /** Base units: `bit/s`, `s`, `fraction`. */
  unit: z.enum(metricUnits),
  statistics: statisticsSchema,
  /** Absent where the config expects nothing. */
  verdict: metricVerdict.optional(),
}) satisfies z.ZodType<Metric>

/** The same under the type of src/verdict, which is read-only. */
const metricSchema: z.ZodType<Metric> = metricShape

/** The figures of one measurement. */
export const measuredMetrics = z.object({
  /** `udp at 100 Mbit/s ipv4 vm3 → vm1` */
  measurement: z.string(),
  metrics: z.array(metricSchema),
  /** What the reader of the figures should know, e.g. that the mode is not proven. */
  notes: z.array(z.string()).default([]),
  /** Why the measurement has no figure, where it has none. */
  invalid: z.string().optional(),
})
export type MeasuredMetrics = z.infer<typeof measuredMetrics>
