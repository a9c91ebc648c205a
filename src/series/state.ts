/** What a series has asked for and done so far: `series.json` in its folder, from which a series that was cut goes on. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { UsageError, describeError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { replaceFile } from '../core/replace-file.ts'

export const seriesFile = 'series.json'
export const seriesKinds = ['calibrate', 'ab', 'bisect'] as const
export type SeriesKind = (typeof seriesKinds)[number]

/**
 * `usable`: every test has a valid figure. `untestable`: nothing to measure could be made of it. Only these two settle a
 * step; after the others the same is run again.
 */
export const runOutcomes = ['usable', 'untestable', 'invalid', 'infrastructure', 'interrupted'] as const
export type RunOutcome = (typeof runOutcomes)[number]

const attempt = z.object({
  /** Which run of the series it is, e.g. `run-03`. */
  step: z.string(),
  /** Its results folder in the series' folder. */
  folder: z.string(),
  startedAt: z.string(),
  /** Absent while it runs, and for one that was killed with the series. */
  endedAt: z.string().optional(),
  exitCode: z.number().optional(),
  outcome: z.enum(runOutcomes).optional(),
  /** Why it is not usable. */
  said: z.string().optional(),
})
export type Attempt = z.infer<typeof attempt>

const seriesSchema = z.object({
  series_version: z.literal(1),
  kind: z.enum(seriesKinds),
  createdAt: z.string(),
  /** What this kind of series was asked for. */
  plan: z.record(z.string(), z.json()),
  /** What every run of it is started with. */
  runArguments: z.array(z.string()),
  /** All of them, in their order. */
  attempts: z.array(attempt),
})
export type SeriesState = z.infer<typeof seriesSchema>

/** @throws UsageError when there is none, or one of another kind */
export async function readSeries(folder: string, kind: SeriesKind): Promise<SeriesState> {
  const file = join(folder, seriesFile)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file' : error.message
    throw new UsageError(`--resume ${folder}: ${file}: ${why}; name the folder of a series`, { cause: error })
  })
  let state: SeriesState
  try {
    state = seriesSchema.parse(parseJson(text))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : describeError(error)
    throw new UsageError(`${file} cannot be read, so the series cannot go on: ${why}`, { cause: error })
  }
  if (state.kind === kind) return state
  throw new UsageError(
    `${folder} is of \`dpbench ${state.kind}\`: write dpbench ${state.kind} --resume ${folder}`,
  )
}

/** Whole or not at all. */
export async function writeSeries(folder: string, state: SeriesState): Promise<void> {
  await replaceFile(join(folder, seriesFile), `${JSON.stringify(state, undefined, 2)}\n`)
}
