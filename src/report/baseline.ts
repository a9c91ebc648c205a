/**
 * A baseline: the figures of one run, kept in the project under a name, with where they come from. It is a document of its own,
 * small enough for a repository: raw samples stay in the run's results.
 */
import { z } from 'zod'
import { UsageError } from '../core/errors.ts'
import type { ComparedSide } from './comparison.ts'
import { figuresOf, figuresSchema } from './figures.ts'
import { traitsOfRun, traitsSchema } from './likeness.ts'
import { stateOf } from './outcome.ts'
import { type RunRecord, parseVersioned } from './record.ts'
import { serialiseJson } from './serialise.ts'
import { instant } from './instant.ts'

/** Raised when a baseline of the old form would be misread. */
export const baselineVersion = 1
const kind = 'dpbench baseline'

export const baselineSchema = z.object({
  kind: z.literal(kind),
  schema_version: z.literal(baselineVersion),
  name: z.string(),
  /** Of the run. */
  runId: z.string(),
  startedAt: instant,
  dpbenchVersion: z.string(),
  profile: z.string(),
  config: z.object({ name: z.string().optional(), sha256: z.string() }),
  dataPlanes: z.array(
    z.object({
      machine: z.string(),
      mode: z.string().optional(),
      image: z.string(),
      digest: z.string().optional(),
      version: z.string().optional(),
    }),
  ),
  /** Machines, configuration and tools: what a run must be like to be compared. */
  traits: traitsSchema,
  figures: z.array(figuresSchema).min(1),
})
export type Baseline = z.infer<typeof baselineSchema>

export interface BaselineOfRun {
  /** Absent when the run has no figure to keep. */
  readonly baseline?: Baseline
  /** Tests whose figures are not kept, each with the reason. */
  readonly leftOut: readonly string[]
}

/** Keeps what was measured and decided: a test that is UNSTABLE, INVALID or broken is nothing to be held to. */
export function baselineOf(record: RunRecord, name: string): BaselineOfRun {
  const kept = record.tests.filter(({ result }) => ['PASS', 'FAIL'].includes(stateOf(result)))
  const figures = figuresOf({ tests: kept })
  const leftOut = record.tests
    .filter((test) => !kept.includes(test) && stateOf(test.result) !== 'SKIPPED')
    .map((test) => `${test.name}${test.mode === undefined ? '' : ` (${test.mode})`}: ${stateOf(test.result)}`)
  if (figures.length === 0) return { leftOut }
  const { runId, startedAt, dpbenchVersion, profile, config, dataPlanes } = record
  const baseline: Baseline = {
    kind,
    schema_version: baselineVersion,
    name,
    runId,
    startedAt,
    dpbenchVersion,
    profile: profile.name,
    config: { name: config.name, sha256: config.sha256 },
    dataPlanes: dataPlanes.map(({ machine, mode, image, digest, version }) => ({
      machine,
      mode,
      image,
      digest,
      version,
    })),
    traits: traitsOfRun(record),
    figures,
  }
  return { baseline, leftOut }
}

/** @throws ConfigError when it is none, of another version, or broken; with every fault and its place. */
export function parseBaseline(json: string, source: string): Baseline {
  return parseVersioned(json, source, {
    what: 'a baseline of dpbench',
    version: baselineVersion,
    schema: baselineSchema,
  })
}

/** Readable, with the values of a figure on one line. */
export function serialiseBaseline(baseline: Baseline): string {
  return serialiseJson(baseline)
}

/** By its beginning alone: a run record is large. */
export function isBaseline(json: string): boolean {
  return /^\s*\{\s*"kind":\s*"dpbench baseline"/.test(json)
}

export function sideOfBaseline(baseline: Baseline): ComparedSide {
  return { label: baselineTitle(baseline), traits: [baseline.traits], figures: baseline.figures }
}

/** `baseline main of 2026-11-20` */
export function baselineTitle({ name, startedAt }: Pick<Baseline, 'name' | 'startedAt'>): string {
  return `baseline ${name} of ${startedAt.slice(0, 10)}`
}

/** @throws UsageError that names every difference */
export function requireAlike(baseline: Baseline, found: readonly string[], allowed: boolean): void {
  if (found.length === 0 || allowed) return
  const list = found.map((difference) => `  ✖ ${difference}`)
  throw new UsageError(
    [
      `${baselineTitle(baseline)} is not of the like (--allow-unlike compares all the same, --save-baseline makes a new one):`,
      ...list,
    ].join('\n'),
  )
}
