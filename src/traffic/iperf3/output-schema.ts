/** The part of iperf3's JSON that is read, as iperf_api.c of 3.7 to 3.21 writes it. What a failed run lacks is optional. */
import { z } from 'zod'

const interval = z.object({
  start: z.number(),
  end: z.number(),
  bytes: z.number().nonnegative(),
  retransmits: z.number().optional(),
  /** UDP: of the receiving end, counted by their numbers, so lost ones are among them. */
  packets: z.number().optional(),
  lost_packets: z.number().optional(),
  jitter_ms: z.number().optional(),
  omitted: z.boolean().optional(),
  sender: z.boolean().optional(),
})

const stream = interval.extend({ pmtu: z.number().optional() })

const connection = z.object({
  local_host: z.string(),
  local_port: z.number(),
  remote_host: z.string(),
  remote_port: z.number(),
})

const total = z.object({ bytes: z.number().nonnegative(), bits_per_second: z.number() })

export const outputSchema = z.object({
  start: z
    .object({
      version: z.string(),
      timestamp: z.object({ timesecs: z.number(), timemillisecs: z.number().optional() }).optional(),
      connected: z.array(connection).optional(),
      accepted_connection: z.object({}).optional(),
      tcp_mss: z.number().optional(),
      tcp_mss_default: z.number().optional(),
      test_start: z
        .object({
          protocol: z.string(),
          num_streams: z.number(),
          duration: z.number(),
          reverse: z.number().optional(),
          bidir: z.number().optional(),
        })
        .optional(),
    })
    .optional(),
  intervals: z
    .array(z.object({ streams: z.array(stream).default([]), sum: interval.optional() }))
    .default([]),
  end: z
    .object({
      sum_received: total.optional(),
      cpu_utilization_percent: z.object({ host_total: z.number().optional() }).optional(),
      sender_tcp_congestion: z.string().optional(),
      receiver_tcp_congestion: z.string().optional(),
    })
    .optional(),
  error: z.string().optional(),
})

export type RawOutput = z.infer<typeof outputSchema>
export type RawInterval = z.infer<typeof interval>
