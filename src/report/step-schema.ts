/** The timeline of a run: what was done, on which machine, from when to when, and what came out. */
import { z } from 'zod'
import { instant } from './instant.ts'

/** Of a step's output at most this much is kept, its head and its end. */
export const keptOutputCharacters = 4_000

export const stepSchema = z.object({
  /** Of the config, or `controller`. */
  machine: z.string(),
  mode: z.string().optional(),
  /** The test during which it ran: suite and name. */
  test: z.object({ suite: z.string(), name: z.string() }).optional(),
  kind: z.enum(['phase', 'command', 'file', 'docker', 'connection']),
  /** For people: `deploy the data plane`, or the command as a shell would take it. */
  name: z.string(),
  /** ISO 8601, by the controller's clock. */
  startedAt: instant,
  durationMs: z.number(),
  outcome: z.enum(['ok', 'failed', 'aborted']),
  exitStatus: z.number().optional(),
  signal: z.string().optional(),
  /** stdout and stderr, without secrets; cut in the middle when longer than `keptOutputCharacters`. */
  output: z.string().optional(),
  /** How often, where the same was done again and again until it held; from the first's start to the last's end. */
  count: z.number().optional(),
})
export type StepRecord = z.infer<typeof stepSchema>
