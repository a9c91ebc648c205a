/** Counters and causes as they stand in a run record: src/verdict's types, checked when a record is read. */
import { z } from 'zod'
import { numberRows } from './number-rows.ts'
import type { Cause, CoreUse, CpuSeries, InterfaceUse, MachineCounters } from '../verdict/counters.ts'

const core = z.object({
  core: z.number(),
  busy: z.number(),
  user: z.number(),
  system: z.number(),
  softirq: z.number(),
  irq: z.number().optional(),
  steal: z.number(),
  busyAtRest: z.number().optional(),
}) satisfies z.ZodType<CoreUse>

const networkInterface = z.object({
  name: z.string(),
  receivedBytes: z.number(),
  receivedPackets: z.number(),
  receiveDropped: z.number(),
  receiveErrors: z.number(),
  sentBytes: z.number(),
  sentPackets: z.number(),
  sendDropped: z.number(),
  sendErrors: z.number(),
  driverDrops: z.record(z.string(), z.number()).optional(),
}) satisfies z.ZodType<InterfaceUse>

const cpuSeries = z.object({
  startMs: z.number(),
  points: numberRows<readonly number[]>(),
}) satisfies z.ZodType<CpuSeries>

export const countersSchema = z.object({
  machine: z.string(),
  role: z.enum(['guest', 'hypervisor']),
  ends: z.array(z.enum(['sender', 'receiver'])).optional(),
  seconds: z.number(),
  cores: z.array(core),
  softirqs: z.record(z.string(), z.number()).optional(),
  interfaces: z.array(networkInterface),
  tcp: z.object({ segmentsSent: z.number(), segmentsRetransmitted: z.number() }).optional(),
  cpuSeries: cpuSeries.optional(),
}) satisfies z.ZodType<MachineCounters>

export const causeSchema = z.object({
  rule: z.enum([
    'core-busy',
    'retransmits',
    'nic-drops',
    'one-thread',
    'mss',
    'ceiling-reached',
    'software-path-busy',
  ]),
  message: z.string(),
  machine: z.string().optional(),
}) satisfies z.ZodType<Cause>
