/** Verdicts as they stand in a run record: src/verdict's types, checked when a record is read. */
import { z } from 'zod'
import { causeSchema } from './counters-schema.ts'
import type {
  InvalidVerdict,
  JudgedVerdict,
  MeasurementProfile,
  Reason,
  SampleStatistics,
  UnstableVerdict,
  Verdict,
} from '../verdict/verdict.ts'

export const profileSchema = z.object({
  name: z.string(),
  keptSeconds: z.number(),
  warmUpSeconds: z.number(),
  warmDownSeconds: z.number(),
  repetitions: z.object({ min: z.number(), max: z.number() }),
  gapSeconds: z.number(),
  maxCov: z.number(),
  onUnprovenMode: z.enum(['note', 'invalid']),
}) satisfies z.ZodType<MeasurementProfile>

export const ruleSchema = z.enum(['interval', 'mean'])

export const statisticsSchema = z.object({
  n: z.number(),
  values: z.array(z.number()).min(1),
  mean: z.number(),
  median: z.number(),
  min: z.number(),
  max: z.number(),
  standardDeviation: z.number().nullable(),
  coefficientOfVariation: z.number().nullable(),
  interval: z
    .object({ level: z.number(), lower: z.number(), upper: z.number(), halfWidth: z.number() })
    .nullable(),
  outliers: z.array(z.object({ repetition: z.number(), value: z.number(), modifiedZScore: z.number() })),
}) satisfies z.ZodType<SampleStatistics>

const reason = z.object({
  rule: z.enum([
    'no-sample',
    'flow-missing',
    'flow-error',
    'empty-interval',
    'overlap',
    'above-ceiling',
    'sender-receiver-gap',
    'mss',
    'restarted',
    'disturbed',
    'mode-not-proven',
    'undecided',
    'spread',
  ]),
  message: z.string(),
  repetition: z.number().optional(),
  flow: z.string().optional(),
  machine: z.string().optional(),
}) satisfies z.ZodType<Reason>

const base = z.object({
  sentence: z.string(),
  mode: z.string().optional(),
  expected: z.object({ bitsPerSecond: z.number(), key: z.string() }),
  rule: ruleSchema,
  notes: z.array(z.string()),
  why: z.array(causeSchema).optional(),
})

const withStatistics = base.extend({ statistics: statisticsSchema, deviation: z.number() })

const judged = withStatistics.extend({ state: z.enum(['PASS', 'FAIL']) }) satisfies z.ZodType<JudgedVerdict>

const unstable = withStatistics.extend({
  state: z.literal('UNSTABLE'),
  reasons: z.array(reason),
}) satisfies z.ZodType<UnstableVerdict>

const invalid = base.extend({
  state: z.literal('INVALID'),
  reasons: z.array(reason),
}) satisfies z.ZodType<InvalidVerdict>

export const verdictShape = z.discriminatedUnion('state', [
  judged,
  unstable,
  invalid,
]) satisfies z.ZodType<Verdict>

/** The same under the type of src/verdict, which is read-only. */
export const verdictSchema: z.ZodType<Verdict> = verdictShape
