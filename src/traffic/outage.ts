/** From a stream of probes around a fault to how long nothing passed. Pure: times are epoch milliseconds of the sender's clock. */
import { median } from 'simple-statistics'
import type { ProbeAnswer, ProbeSilence, Probes } from './probe-stream.ts'

export interface Disturbed {
  /** When the fault was ordered. */
  readonly plantedMs: number
  /** When its end was ordered. */
  readonly mendedMs: number
  /** How far these two may be off the sender's clock. */
  readonly clockMs: number
}

export interface Outage {
  /** From the first packet that was lost to the first one that got through again: 0 where none was lost. */
  readonly outageMs: number
  /** From the order to end the fault to the first packet that got through: 0 where it came sooner. */
  readonly recoveryMs: number
  /** Packets that had no answer in time, from the fault to the end; those too that the sender could not send. */
  readonly lost: number
  /** How far `outageMs` and `recoveryMs` may be off at most. */
  readonly resolutionMs: number
  /** False where nothing got through until the end: then the times are the least that they were. */
  readonly over: boolean
  /** Where packets were lost in several stretches, how many there were; the longest is `outageMs`. */
  readonly stretches: number
}

/** An answer later than this counts as none in time: it waited for the path. Longer where the path itself takes long. */
const lateMs = 100
const lateFactor = 10

/** What the undisturbed path shows before a fault; a sentence when it is not fit to be disturbed. */
export function requireQuiet({ answers, silences }: Probes, leastAnswers: number): string | undefined {
  const lost = lostOf({ answers, silences }, lateOf(answers)).length
  if (lost > 0)
    return `${lost} of ${answers.length + lost} packets were lost before the fault: the path is not fit to be disturbed`
  if (answers.length < leastAnswers)
    return `${answers.length} answers came before the fault, and ${leastAnswers} are the least`
  return undefined
}

/** @returns a sentence where the stream does not tell */
export function outageOf(probes: Probes, { plantedMs, mendedMs, clockMs }: Disturbed): Outage | string {
  const answers = probes.answers.toSorted((a, b) => a.sequence - b.sequence)
  const before = answers.filter(({ atMs }) => atMs < plantedMs - clockMs)
  const lastBefore = before.at(-1)
  if (lastBefore === undefined) return 'no packet was answered before the fault'
  const late = lateOf(before)
  const bad = lostOf(probes, late).filter(({ sequence }) => sequence > lastBefore.sequence)
  const inTime = answers.filter(({ rttMs }) => rttMs <= late)
  const gaps = gapsOf(inTime.map((answer) => sentAt(answer)))
  if (bad.length === 0) {
    const resolutionMs = Math.max(...gaps, 0)
    return { outageMs: 0, recoveryMs: 0, lost: 0, resolutionMs, over: true, stretches: 0 }
  }
  const found = stretchesOf(bad, inTime)
  const spans = found.map((stretch) => spanOf(stretch, probes, inTime, gaps.length > 0 ? median(gaps) : 0))
  const longest = spans.reduce((a, b) => (b.endMs - b.startMs > a.endMs - a.startMs ? b : a))
  const { over } = spans.at(-1)!
  // the stretch in which the fault was ended; where traffic had come back by itself there is none
  const mended = spans.find(({ startMs, endMs }) => startMs <= mendedMs + clockMs && endMs >= mendedMs)
  return {
    outageMs: Math.max(0, longest.endMs - longest.startMs),
    recoveryMs: mended ? mended.endMs - mendedMs : 0,
    lost: bad.length,
    resolutionMs: Math.max(longest.startWidthMs + longest.endWidthMs, longest.endWidthMs + clockMs),
    over,
    stretches: spans.length,
  }
}

/** When the last packet that got no answer in time was told of; undefined where there was none. */
export function lastLossMs({ answers, silences }: Probes): number | undefined {
  const late = lateOf(answers)
  const rtts = new Map(answers.map(({ sequence, rttMs }) => [sequence, rttMs]))
  return silences.findLast(({ sequence }) => (rtts.get(sequence) ?? Number.POSITIVE_INFINITY) > late)?.atMs
}

interface Span {
  readonly startMs: number
  readonly endMs: number
  /** Within which the path broke, and mended. */
  readonly startWidthMs: number
  readonly endWidthMs: number
  readonly over: boolean
}

type Stretch = readonly ProbeSilence[]

/**
 * The path broke after the last packet that got through was sent, and before the first that did not was: that one was sent an
 * interval later, or when the next was due. It mended between the last packet that was lost and the first answer.
 */
function spanOf(
  stretch: Stretch,
  { answers, silences }: Probes,
  inTime: readonly ProbeAnswer[],
  gapMs: number,
): Span {
  const [first, last] = [stretch[0]!, stretch.at(-1)!]
  const good = inTime.findLast(({ sequence }) => sequence < first.sequence)
  const goodMs = good ? sentAt(good) : first.atMs - gapMs
  const startMs = Math.min(goodMs + gapMs, first.atMs)
  // what waited on the way for the path tells of its end too
  const next = inTime.find(({ sequence }) => sequence > last.sequence)
  const waited = answers.filter(({ sequence }) => sequence >= first.sequence && sequence <= last.sequence)
  const ends = [...waited, ...(next ? [next] : [])].map(({ atMs }) => atMs)
  const endMs = ends.length > 0 ? Math.min(...ends) : Math.max(...silences.map(({ atMs }) => atMs))
  // when it is told that a packet had no answer the next one is sent: of those that had none, the last before the end
  const sent = stretch.map(({ atMs }) => atMs).filter((atMs) => atMs < endMs)
  const lastLostMs = sent.at(-2) ?? startMs
  return {
    startMs,
    endMs,
    startWidthMs: Math.max(0, first.atMs - goodMs),
    endWidthMs: Math.max(0, endMs - lastLostMs),
    over: next !== undefined,
  }
}

/** Packets that had no answer in time, in their order. */
function lostOf({ answers, silences }: Probes, late: number): ProbeSilence[] {
  const inTime = new Set(answers.flatMap(({ sequence, rttMs }) => (rttMs <= late ? [sequence] : [])))
  return silences.filter(({ sequence }) => !inTime.has(sequence)).toSorted((a, b) => a.sequence - b.sequence)
}

/** Lost packets with no answer in time between them. */
function stretchesOf(bad: readonly ProbeSilence[], inTime: readonly ProbeAnswer[]): Stretch[] {
  const good = new Set(inTime.map(({ sequence }) => sequence))
  const stretches: ProbeSilence[][] = []
  let previous: ProbeSilence | undefined
  for (const each of bad) {
    let between = previous === undefined
    for (let sequence = (previous?.sequence ?? 0) + 1; !between && sequence < each.sequence; sequence++)
      between = good.has(sequence)
    if (between) stretches.push([each])
    else stretches.at(-1)!.push(each)
    previous = each
  }
  return stretches
}

function lateOf(answers: readonly ProbeAnswer[]): number {
  const shortest = answers.reduce((least, { rttMs }) => Math.min(least, rttMs), Number.POSITIVE_INFINITY)
  return answers.length === 0 ? lateMs : Math.max(lateMs, lateFactor * shortest)
}

function sentAt({ atMs, rttMs }: ProbeAnswer): number {
  return atMs - rttMs
}

function gapsOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - times[index]!)
}
