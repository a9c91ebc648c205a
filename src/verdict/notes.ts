/** Remarks beside a verdict that change nothing about it, and that its reader should know. */
import type { Sample } from './sample.ts'
import { findTwoModes } from './dip.ts'
import { describeMode } from './validity.ts'
import { formatGbit, formatPercent } from './format.ts'
import { sharesOf } from './shares.ts'
import type { JudgePlan, SampleStatistics } from './verdict.ts'

/** Start times that may be off by more than this cut the flows' windows apart noticeably. */
const noticeableUncertaintyMs = 250

export function notesOn(samples: readonly Sample[], statistics: SampleStatistics, plan: JudgePlan): string[] {
  const perSample = samples.flatMap((sample) => [
    ...modeNote(sample, plan),
    ...ceilingNote(sample),
    ...mssNote(sample),
    ...(sample.countersMissing ?? []).map((reason) => `not counted: ${reason}`),
  ])
  return [
    ...outlierNotes(statistics),
    ...oddSpreadNotes(statistics),
    ...twoModesNote(statistics),
    ...startNotes(samples),
    ...shareNotes(samples),
    ...new Set(perSample), // the same in each repetition is said once
  ]
}

function outlierNotes({ outliers }: SampleStatistics): string[] {
  return outliers.map(
    ({ repetition, value, modifiedZScore }) =>
      `outlier, kept: repetition ${repetition} with ${formatGbit(value)} Gbit/s` +
      ` (modified z-score ${modifiedZScore.toFixed(1)})`,
  )
}

function oddSpreadNotes({ n, standardDeviation }: SampleStatistics): string[] {
  if (n === 1) return ['one repetition: there is no interval']
  return standardDeviation === 0
    ? [`all ${n} repetitions gave the same figure, which chance rarely does`]
    : []
}

function twoModesNote({ values }: SampleStatistics): string[] {
  const found = findTwoModes(values)
  if (!found) return []
  const [low, high] = found.groups.map(({ n, mean }) => `${n} around ${formatGbit(mean)}`)
  return [
    `two modes: ${low} and ${high} Gbit/s (Hartigan's dip ${found.dip.toFixed(3)}, p < 0.01): the mean lies in neither,` +
      ' look for what switches between them',
  ]
}

function startNotes(samples: readonly Sample[]): string[] {
  const uncertain = samples.flatMap((sample) =>
    sample.state === 'measured' && sample.flows.length > 1 ? [sample.window.startUncertaintyMs] : [],
  )
  const worst = Math.max(0, ...uncertain)
  return worst > noticeableUncertaintyMs
    ? [`start times of the flows are known to ${Math.round(worst)} ms only`]
    : []
}

/** Over all repetitions, as each of them has a handful of flows only. */
function shareNotes(samples: readonly Sample[]): string[] {
  const shares = sharesOf(samples)
  if (shares.length === 0) return []
  const list = shares.map(
    ({ backend, flows, fraction }) =>
      `${backend} ${formatPercent(fraction)} of the data in ${flows} ${flows === 1 ? 'flow' : 'flows'}`,
  )
  return [`share of the backends: ${list.join(', ')}`]
}

function modeNote(sample: Sample, { mode }: JudgePlan): string[] {
  return mode === undefined || sample.modeEvidence?.state === 'proven' ? [] : [describeMode(sample, mode)]
}

function ceilingNote({ ceiling }: Sample): string[] {
  return ceiling?.state === 'unknown' ? [`ceiling unknown: ${ceiling.reason}`] : []
}

function mssNote({ mssAsked, flows }: Sample): string[] {
  if (mssAsked === undefined || flows.every((flow) => flow.mss !== undefined)) return []
  return [`an MSS of ${mssAsked} B was asked for, and the tool does not show the one in use`]
}
