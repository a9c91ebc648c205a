/**
 * Where calibrated thresholds come from: `<config>.calibration.json` beside the config. Not a key of the config itself: its
 * schema is strict, older versions of dpbench and dpservice's own suite read the same file, and a person edits it by hand.
 * Each value stands here too, so that one that was changed by hand since is told from one that was measured.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { ConfigError, describeError } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import type { RunRecord } from '../../report/record.ts'
import { profileSchema, ruleSchema } from '../../report/verdict-schema.ts'
import { usualTerms } from '../../verdict/tolerance.ts'
import type { CalibratedThreshold } from './thresholds.ts'

const text = z.string()

const calibration = z.object({
  at: text,
  dpbenchVersion: text,
  profile: profileSchema,
  rule: ruleSchema,
  content: z.number(),
  confidence: z.number(),
  hosts: z.array(z.object({ name: text, role: text, kernel: text.optional(), cpu: text.optional() })),
  dataPlanes: z.array(
    z.object({
      machine: text,
      mode: text.optional(),
      image: text,
      digest: text.optional(),
      version: text.optional(),
    }),
  ),
  tools: z.array(text),
  /** Their ids; those that could not be used are not among them. */
  runs: z.array(text),
  /** How many runs were not usable, and are not in the figures. */
  unusable: z.number(),
})
export type Calibration = z.infer<typeof calibration>

const origin = z.object({
  /** Gbit/s, as it was written. */
  value: z.number(),
  /** Bit/s. */
  bound: z.number(),
  room: z.number(),
  mean: z.number(),
  standardDeviation: z.number().nullable(),
  n: z.number(),
  /** The test that decided. */
  test: text,
  /** Its key in `calibrations`. */
  calibration: text,
})

const fileSchema = z.object({
  calibration_version: z.literal(1),
  /** By the config's name in its file (empty for one without), then `sw` or `hw`, then threshold. */
  thresholds: z.record(text, z.record(text, z.record(text, origin))),
  calibrations: z.record(text, calibration),
})
export type CalibrationFile = z.infer<typeof fileSchema>

/** `config/lab.json` → `config/lab.calibration.json` */
export function calibrationFileOf(configFile: string): string {
  const { dir, name } = path.parse(configFile)
  return path.join(dir, `${name}.calibration.json`)
}

/** @throws ConfigError when it is there and cannot be read */
export async function readCalibrations(file: string): Promise<CalibrationFile> {
  const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return { calibration_version: 1, thresholds: {}, calibrations: {} }
  try {
    return fileSchema.parse(parseJson(found))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : describeError(error)
    throw new ConfigError(
      `${file} cannot be read: move it away, and the provenance of what it tells is lost.`,
      [why],
      {
        cause: error,
      },
    )
  }
}

/** What the runs had in common. */
export function calibrationOf(
  records: readonly [RunRecord, ...RunRecord[]],
  { at, unusable }: { readonly at: string; readonly unusable: number },
): Calibration {
  const [first] = records
  const samples = records.flatMap(({ tests }) => tests.flatMap(({ repetitions }) => repetitions))
  const planes = records.flatMap(({ dataPlanes }) => dataPlanes)
  const distinct = new Map(
    planes.map(({ machine, mode, image, digest, version }) => {
      const plane = { machine, mode, image, digest, version }
      return [JSON.stringify(plane), plane]
    }),
  )
  return {
    at,
    dpbenchVersion: first.dpbenchVersion,
    profile: first.profile,
    rule: first.rule,
    ...usualTerms,
    hosts: first.machines.map(({ name, role, kernel, cpu }) => ({ name, role, kernel, cpu })),
    dataPlanes: [...distinct.values()],
    tools: [...new Set(samples.map(({ tool }) => tool))].sort(),
    runs: records.map(({ runId }) => runId),
    unusable,
  }
}

/** The file's content with these thresholds in it, and without calibrations that nothing comes from any more. */
export function withCalibration(
  file: CalibrationFile,
  name: string,
  thresholds: readonly (CalibratedThreshold & { readonly value: number })[],
  made: Calibration,
): CalibrationFile {
  const id = made.at
  const environment = structuredClone(file.thresholds[name] ?? {})
  for (const { mode, key, value, deciding } of thresholds) {
    const { bound, room, statistics, scenario } = deciding
    const { mean, standardDeviation, n } = statistics
    const known = { value, bound, room, mean, standardDeviation, n, test: scenario.test, calibration: id }
    environment[modeKey(mode)] = { ...environment[modeKey(mode)], [key]: known }
  }
  const all = { ...file.thresholds, [name]: environment }
  const used = new Set(
    Object.values(all).flatMap((modes) =>
      Object.values(modes).flatMap((keys) => Object.values(keys).map((each) => each.calibration)),
    ),
  )
  const calibrations = Object.entries({ ...file.calibrations, [id]: made }).filter(([key]) => used.has(key))
  return { calibration_version: 1, thresholds: all, calibrations: Object.fromEntries(calibrations) }
}

/** As the config calls a mode. */
export function modeKey(mode: string): 'hw' | 'sw' {
  return mode === 'offload' ? 'hw' : 'sw'
}
