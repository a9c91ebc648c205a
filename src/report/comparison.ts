/** Two runs, or two sets of runs, against each other: figure by figure, and whether they may be compared at all. */
import { type Comparison, compareFigures } from '../verdict/compare.ts'
import { type Figures, figureKey, figuresOf, figureTitle } from './figures.ts'
import { type Traits, differencesOf, traitsOfRun } from './likeness.ts'
import type { RunRecord } from './record.ts'

/** One side: a run, a set of runs, or a baseline. */
export interface ComparedSide {
  /** As it was asked for: `results/monday`, `baseline main`. */
  readonly label: string
  readonly traits: readonly Traits[]
  readonly figures: readonly Figures[]
}

export interface ComparedFigure extends Pick<Figures, 'suite' | 'test' | 'mode' | 'figure' | 'unit'> {
  readonly title: string
  readonly comparison: Comparison
}

export interface RunComparison {
  readonly before: string
  readonly after: string
  /** One sentence each; empty when the runs are alike. */
  readonly unlike: readonly string[]
  readonly rows: readonly ComparedFigure[]
  /** What could not be compared, each with the reason. */
  readonly leftOut: readonly string[]
}

/** A set of runs as one side: the figures of all of them together. */
export function sideOf(label: string, records: readonly RunRecord[]): ComparedSide {
  return { label, traits: records.map(traitsOfRun), figures: records.flatMap(figuresOf) }
}

export function compareSides(before: ComparedSide, after: ComparedSide): RunComparison {
  const [old, fresh] = [pooled(before.figures), pooled(after.figures)]
  const rows: ComparedFigure[] = []
  const leftOut: string[] = []
  const unlike = new Set(unlikeRuns(before, after))
  for (const [key, figures] of old) {
    const title = figureTitle(figures)
    const other = fresh.get(key)
    if (!other) leftOut.push(`${title}: in ${before.label} alone`)
    else if ([...figures.values, ...other.values].some((value) => value <= 0))
      leftOut.push(`${title}: a figure of 0 has no ratio`)
    else {
      if (figures.tool !== other.tool) unlike.add(`tools: ${figures.tool} → ${other.tool}`)
      const { suite, test, mode, figure, unit } = figures
      const comparison = compareFigures(figures.values, other.values, figures)
      rows.push({ suite, test, ...(mode !== undefined && { mode }), figure, unit, title, comparison })
    }
  }
  for (const [key, figures] of fresh)
    if (!old.has(key)) leftOut.push(`${figureTitle(figures)}: in ${after.label} alone`)
  return { before: before.label, after: after.label, unlike: [...unlike], rows, leftOut }
}

/** All runs against the first: those of one side must be alike, too. */
function unlikeRuns(before: ComparedSide, after: ComparedSide): string[] {
  const [first, ...others] = [...before.traits, ...after.traits]
  return first ? others.flatMap((each) => differencesOf(first, each)) : []
}

function pooled(figures: readonly Figures[]): Map<string, Figures> {
  return new Map(
    [...Map.groupBy(figures, figureKey)].map(([key, group]) => [
      key,
      {
        ...group[0]!,
        tool: [...new Set(group.map(({ tool }) => tool))].sort().join(', '),
        values: group.flatMap(({ values }) => values),
      },
    ]),
  )
}
