/** The index of a flight recording (`index.json`), and what the run record says of it. */
import { z } from 'zod'

export const indexVersion = 1

const source = z.object({
  machine: z.string(),
  name: z.string(),
  command: z.string(),
  /** Relative to the recording's folder; absent when nothing was had. */
  file: z.string().optional(),
  exitStatus: z.number().optional(),
  bytes: z.number(),
  cut: z.boolean(),
  /** Why it was not had, or not to its end. */
  missing: z.string().optional(),
})
export type FlightSource = z.infer<typeof source>

export const flightIndexSchema = z.object({
  schema_version: z.literal(indexVersion),
  occasion: z.string(),
  test: z.object({ suite: z.string(), name: z.string() }).optional(),
  mode: z.string(),
  reason: z.string(),
  startedAt: z.string(),
  durationMs: z.number(),
  limitMs: z.number(),
  bytes: z.number(),
  sources: z.array(source),
})
export type FlightIndex = z.infer<typeof flightIndexSchema>

/** What the run record says of a recording. */
export const flightSchema = flightIndexSchema.omit({ schema_version: true, sources: true }).extend({
  /** Relative to the results folder. */
  folder: z.string(),
  /** Pieces, and those of them that were not had, or not to their end. */
  pieces: z.number(),
  missing: z.number(),
})
export type FlightRecord = z.infer<typeof flightSchema>
