/** From the entries of step logs to a timeline: ended or not, repeats folded, bounded in number and in size. */
import type { StepEntry } from './step-recorder.ts'
import { cutInTheMiddle } from './step-recorder.ts'
import type { StepRecord } from './step-schema.ts'

/** The same step again this soon after its end was polling: waits look once a second at the latest (core/wait.ts). */
const pollingGapMs = 1_500
/** What takes longer is no look. */
const longestLookMs = 2_000
/** Fewer than these are not folded: a look before and one after are two looks. */
const fewestFolded = 3

/** More steps than a run with every suite in both modes has. */
export const mostSteps = 5_000
/** Of the outputs of all steps together; beyond it those of steps that went well are cut shorter. */
const wholeOutputs = 200_000
const shortOutput = 200

/** The entries in a log; a last line that was not written to its end is not one. */
export function parseEntries(log: string): StepEntry[] {
  const lines = log.split('\n')
  lines.pop()
  return lines.map((line) => JSON.parse(line) as StepEntry)
}

/** One log's steps, in the order in which they began; those without an end were ended with their process. */
export function stepsOf(entries: readonly StepEntry[]): StepRecord[] {
  const latest = new Map(entries.map((entry) => [entry.id, entry]))
  const ends = entries.map(({ step, end }) => Date.parse(step.startedAt) + (end?.durationMs ?? 0))
  const last = ends.reduce((most, each) => Math.max(most, each), 0)
  return [...latest.values()]
    .sort((a, b) => a.id - b.id)
    .map(({ step, end }) => ({
      ...step,
      ...(end ?? { outcome: 'aborted', durationMs: Math.max(0, last - Date.parse(step.startedAt)) }),
    }))
}

/** The timeline of a run from the steps of all its processes. */
export function timelineOf(steps: readonly StepRecord[]): StepRecord[] {
  const sorted = steps.toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt))
  return shortened(bounded(folded(sorted)))
}

/** Steps that were polling are one, with its last output. */
export function folded(steps: readonly StepRecord[]): StepRecord[] {
  const open = new Map<string, StepRecord[]>()
  const groups: StepRecord[][] = []
  for (const step of steps) {
    const key = JSON.stringify([step.machine, step.mode, step.test, step.kind, step.name, step.outcome])
    const group = open.get(key)
    if (group && isLook(step) && startOf(step) - endOf(group.at(-1)!) <= pollingGapMs) {
      group.push(step)
      continue
    }
    const fresh = [step]
    open.set(key, fresh)
    groups.push(fresh)
  }
  return groups
    .flatMap((group) => (group.length < fewestFolded ? group : [asOne(group)]))
    .sort((a, b) => startOf(a) - startOf(b))
}

function isLook({ kind, durationMs }: StepRecord): boolean {
  return kind !== 'phase' && durationMs <= longestLookMs
}

function asOne(group: readonly StepRecord[]): StepRecord {
  const [first, last] = [group[0]!, group.at(-1)!]
  const durationMs = Math.round(Math.max(0, endOf(last) - startOf(first)))
  return { ...last, startedAt: first.startedAt, durationMs, count: group.length }
}

function startOf({ startedAt }: StepRecord): number {
  return Date.parse(startedAt)
}

function endOf(step: StepRecord): number {
  return startOf(step) + step.durationMs
}

/** What did not go well and the phases stay before anything else does. */
function bounded(steps: readonly StepRecord[]): StepRecord[] {
  if (steps.length <= mostSteps) return [...steps]
  const first = (step: StepRecord): boolean => step.kind === 'phase' || step.outcome !== 'ok'
  const kept = new Set(
    [...steps.filter(first), ...steps.filter((step) => !first(step))].slice(0, mostSteps - 1),
  )
  const left = steps.length - kept.size
  const end = steps.at(-1)!
  const note = { machine: 'controller', kind: 'phase', startedAt: end.startedAt, durationMs: 0 } as const
  return [
    ...steps.filter((step) => kept.has(step)),
    { ...note, name: `${left} more steps are not kept`, outcome: 'ok' },
  ]
}

function shortened(steps: readonly StepRecord[]): StepRecord[] {
  let total = 0
  return steps.map((step) => {
    const { output, outcome } = step
    if (output === undefined) return step
    const kept =
      outcome === 'ok' && total + output.length > wholeOutputs ? cutInTheMiddle(output, shortOutput) : output
    total += kept.length
    return kept === output ? step : { ...step, output: kept }
  })
}
