/** The search: the ends are measured and must differ, then candidates are, until the first bad one is found. */
import { DpbenchError } from '../../core/errors.ts'
import type { RunRecord } from '../../report/record.ts'
import { type Side, abba } from '../ab/order.ts'
import type { Ran, Step } from '../series.ts'
import { type Candidate, type Candidates, type Found, stepsFor } from './candidates.ts'
import { type Divide, type Judgement, divideOf, figuresFor, figuresText, judgeStep } from './judge-step.ts'

export interface SearchTools {
  readonly run: (step: Step) => Promise<Ran>
  readonly log: (line: string) => void
  /** Of each end; at most so many of a candidate. */
  readonly runs: number
}

/** What was tried, in its order, with the runs' figures of the test that divides, bit/s. */
export interface Tried {
  readonly candidate: Candidate
  readonly judgement: Judgement | 'skip'
  readonly values: readonly number[]
  /** Why it was skipped. */
  readonly said?: string
}

export interface SearchResult {
  readonly found: Found
  readonly divide: Divide
  readonly tried: readonly Tried[]
}

/** @throws UsageError when the ends do not differ; DpbenchError when one of them cannot be measured */
export async function search(candidates: Candidates, tools: SearchTools): Promise<SearchResult> {
  const { good, bad } = candidates
  const ends = await measureEnds(candidates, tools)
  const divide = divideOf(ends.A, ends.B)
  tools.log(`${divide.test} (${divide.mode}) tells good from bad: ${divide.sentence}`)
  const values = (records: readonly RunRecord[]): readonly number[] => figuresFor(records, divide)
  const tried: Tried[] = [
    { candidate: good, judgement: 'good', values: values(ends.A) },
    { candidate: bad, judgement: 'bad', values: values(ends.B) },
  ]
  for (;;) {
    const next = await candidates.next()
    if ('state' in next) return { found: next, divide, tried }
    const one = await tryOne(next, { candidates, tools, divide, step: tried.length - 1 })
    tools.log(
      `${next.label}: ${one.judgement === 'skip' ? `skipped: ${one.said}` : `${one.judgement}, ${figuresText(one.values)}`}`,
    )
    tried.push(one)
    await candidates.tell(next, one.judgement)
  }
}

/** Good and bad in turn. */
async function measureEnds(
  candidates: Candidates,
  { run, runs }: SearchTools,
): Promise<Record<Side, RunRecord[]>> {
  const ends = { A: candidates.good, B: candidates.bad }
  const records: Record<Side, RunRecord[]> = { A: [], B: [] }
  const turns = abba(runs)
  const later = stepsFor(candidates.count) * Math.min(2, runs)
  for (const { number, side } of turns) {
    const end = ends[side]
    const what = side === 'A' ? 'good' : 'bad'
    const ran = await run({
      id: `${end.name}-${records[side].length + 1}`,
      label: `${what} end, ${end.label}: run ${records[side].length + 1} of ${runs}`,
      left: turns.length - number + later,
      argv: await candidates.argumentsFor(end),
    })
    if (ran.state === 'untestable')
      throw new DpbenchError(`the ${what} end, ${end.label}, cannot be measured: ${ran.said}`)
    records[side].push(ran.record)
  }
  await candidates.done(ends.A)
  await candidates.done(ends.B)
  return records
}

interface Trial {
  readonly candidates: Candidates
  readonly tools: SearchTools
  readonly divide: Divide
  /** From 1. */
  readonly step: number
}

async function tryOne(candidate: Candidate, { candidates, tools, divide, step }: Trial): Promise<Tried> {
  const all = stepsFor(candidates.count)
  const records: RunRecord[] = []
  for (;;) {
    const ran = await tools.run({
      id: `${candidate.name}-${records.length + 1}`,
      label: `step ${step} of about ${Math.max(step, all)}, ${candidate.label}: run ${records.length + 1}`,
      left: Math.max(0, all - step) * 2,
      argv: await candidates.argumentsFor(candidate),
      mayBeUntestable: true,
    })
    if (ran.state === 'untestable') {
      await candidates.done(candidate)
      return { candidate, judgement: 'skip', values: figuresFor(records, divide), said: ran.said }
    }
    records.push(ran.record)
    const values = figuresFor(records, divide)
    if (values.length < records.length)
      throw new DpbenchError(`${candidate.label}: ${divide.test} (${divide.mode}) was not measured`)
    const judgement = judgeStep(values, divide, tools.runs)
    if (judgement === 'again') continue
    await candidates.done(candidate)
    return { candidate, judgement, values }
  }
}
