/** Samples as they stand in a run record: src/verdict's types, checked when a record is read. */
import { z } from 'zod'
import { countersSchema } from './counters-schema.ts'
import { numberRows } from './number-rows.ts'
import { instant } from './instant.ts'
import type {
  FlowSample,
  FlowSide,
  MeasuredFlows,
  RawInterval,
  Sample,
  SampleProvenance,
  UnusableFlows,
} from '../verdict/sample.ts'

const figure = z.object({ bytes: z.number(), bitsPerSecond: z.number() })

const flowSide = z.object({
  version: z.string(),
  bytes: z.number(),
  bitsPerSecond: z.number(),
  coveredSeconds: z.number(),
  emptyIntervals: numberRows<readonly [number, number]>(2),
  cpuPercent: z.number().optional(),
  intervals: numberRows<RawInterval>(3),
}) satisfies z.ZodType<FlowSide>

const flow = z.object({
  name: z.string(),
  from: z.string(),
  to: z.string(),
  faults: z.array(z.string()),
  sender: flowSide.optional(),
  receiver: flowSide.optional(),
  mss: z.number().optional(),
  pathMtu: z.number().optional(),
  retransmits: z.number().optional(),
  datagrams: z.object({ expected: z.number(), lost: z.number(), jitterMs: z.number() }).optional(),
}) satisfies z.ZodType<FlowSample>

const provenance = z.object({
  repetition: z.number(),
  startedAt: instant,
  tool: z.string(),
  flowsAsked: z.number(),
  backends: z.array(z.string()).optional(),
  socketBufferBytes: z.number().optional(),
  mssAsked: z.number().optional(),
  ceiling: z
    .discriminatedUnion('state', [
      z.object({ state: z.literal('known'), bitsPerSecond: z.number(), basis: z.string() }),
      z.object({ state: z.literal('unknown'), reason: z.string() }),
    ])
    .optional(),
  restarts: z.array(z.object({ machine: z.string(), what: z.string(), detail: z.string() })).optional(),
  disturbances: z.array(z.object({ machine: z.string(), detail: z.string() })).optional(),
  modeEvidence: z
    .object({
      state: z.enum(['proven', 'disproven', 'unknown']),
      detail: z.string(),
      softwareShare: z.number().optional(),
    })
    .optional(),
  counters: z.array(countersSchema).optional(),
  countersMissing: z.array(z.string()).optional(),
}) satisfies z.ZodType<SampleProvenance>

const measured = provenance.extend({
  state: z.literal('measured'),
  flows: z.array(flow),
  window: z.object({
    startMs: z.number(),
    seconds: z.number(),
    keptSeconds: z.number(),
    overlap: z.number(),
    startUncertaintyMs: z.number(),
  }),
  receiver: figure,
  sender: figure,
  gap: z.number(),
}) satisfies z.ZodType<SampleProvenance & MeasuredFlows>

const unusable = provenance.extend({
  state: z.literal('unusable'),
  flows: z.array(flow),
  faults: z.array(z.string()),
}) satisfies z.ZodType<SampleProvenance & UnusableFlows>

export const sampleShape = z.discriminatedUnion('state', [measured, unusable]) satisfies z.ZodType<Sample>

/** The same under the type of src/verdict, which is read-only. */
export const sampleSchema: z.ZodType<Sample> = sampleShape
