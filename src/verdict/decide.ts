/**
 * The judge: repeats until the interval of the mean decides or the most repetitions are reached, then says PASS, FAIL,
 * UNSTABLE or INVALID (MEASUREMENT.md, "Verdict"; `looks.ts` on why an early decision takes more than 95 %).
 */
import type { MeasuredFlows, Sample } from './sample.ts'
import { invalidReasons } from './validity.ts'
import { intervalOfMean, summarise } from './statistics.ts'
import { causesOf } from './causes.ts'
import { decidingTail } from './looks.ts'
import { notesOn } from './notes.ts'
import { invalidSentence, judgedSentence, unstableSentence } from './sentence.ts'
import { formatExpected, formatMeanGbit, formatPercent } from './format.ts'
import type { InvalidVerdict, JudgePlan, Reason, SampleStatistics, Verdict } from './verdict.ts'

/**
 * What to do after the samples so far: measure once more, or stop with this verdict. One invalid sample ends it: it is
 * neither dropped nor repeated.
 */
export function nextStep(samples: readonly Sample[], plan: JudgePlan): 'again' | Verdict {
  const { min, max } = plan.profile.repetitions
  if (samples.length === 0) return 'again'
  const valid = (sample: Sample): boolean =>
    sample.state === 'measured' && invalidReasons(sample, plan).length === 0
  if (samples.length < min && samples.every(valid)) return 'again'
  const verdict = judge(samples, plan)
  if (verdict.state === 'INVALID' || samples.length >= max) return verdict
  return verdict.state === 'UNSTABLE' ? 'again' : verdict
}

/** The verdict on what there is, whether more was to come or not. */
export function judge(samples: readonly Sample[], plan: JudgePlan): Verdict {
  const reasons = samples.flatMap((sample) => invalidReasons(sample, plan))
  const measured = samples.filter((sample) => sample.state === 'measured')
  if (samples.length === 0) reasons.push({ rule: 'no-sample', message: 'nothing was measured' })
  if (reasons.length > 0 || measured.length < samples.length) return invalid(samples, reasons, plan)
  return judgeValid(measured, plan)
}

function judgeValid(samples: readonly (Sample & MeasuredFlows)[], plan: JudgePlan): Verdict {
  const { expected, mode, rule = 'interval' } = plan
  const statistics = summarise(samples.map((sample) => sample.receiver.bitsPerSecond))
  const deviation = statistics.mean / expected.bitsPerSecond - 1
  const notes = notesOn(samples, statistics, plan)
  const common = { mode, expected, rule, statistics, deviation, notes, ...withCauses(samples, plan) }
  const state =
    rule === 'mean'
      ? statistics.mean >= expected.bitsPerSecond
        ? 'PASS'
        : 'FAIL'
      : decideByInterval(statistics, plan)
  const reasons = rule === 'mean' ? [] : spreadReasons(statistics, plan)
  if (state !== undefined && reasons.length === 0) {
    return { state, sentence: judgedSentence(state, common), ...common }
  }
  if (state === undefined) reasons.unshift(undecidedReason(statistics, plan))
  return { state: 'UNSTABLE', sentence: unstableSentence(common, reasons), ...common, reasons }
}

function decideByInterval(
  { mean, standardDeviation, n }: SampleStatistics,
  { profile, expected }: JudgePlan,
): 'PASS' | 'FAIL' | undefined {
  const interval = intervalOfMean(mean, standardDeviation, n, decidingTail(n, profile.repetitions))
  if (!interval) return undefined
  if (interval.lower >= expected.bitsPerSecond) return 'PASS'
  if (interval.upper < expected.bitsPerSecond) return 'FAIL'
  return undefined
}

function spreadReasons({ coefficientOfVariation: cov }: SampleStatistics, { profile }: JudgePlan): Reason[] {
  if (cov === null || cov <= profile.maxCov) return []
  const message =
    `the repetitions spread by ${formatPercent(cov)}, and profile ${profile.name} takes at most` +
    ` ${formatPercent(profile.maxCov)}: quieten the machines or measure longer`
  return [{ rule: 'spread', message }]
}

function undecidedReason(statistics: SampleStatistics, { profile, expected }: JudgePlan): Reason {
  const { n, mean, standardDeviation, interval } = statistics
  const target = `the expected ${formatExpected(expected.bitsPerSecond)} Gbit/s`
  const { min, max } = profile.repetitions
  if (!interval || standardDeviation === null) {
    const message = `one repetition has no interval, so nothing tells chance from ${target}: measure at least 2`
    return { rule: 'undecided', message }
  }
  const plainDecides = interval.lower >= expected.bitsPerSecond || interval.upper < expected.bitsPerSecond
  if (!plainDecides) {
    const message = `the interval holds ${target} after ${n} repetitions: measure longer, or quieten the machines`
    return { rule: 'undecided', message }
  }
  const tail = decidingTail(n, profile.repetitions)
  const needed = intervalOfMean(mean, standardDeviation, n, tail)
  const message =
    `too close: looked at after each of ${min} to ${max} repetitions, ${target} must lie outside the interval of` +
    ` ${Number(((1 - 2 * tail) * 100).toFixed(2))} % (${formatMeanGbit(mean, needed?.halfWidth ?? null)}), and does not`
  return { rule: 'undecided', message }
}

function invalid(samples: readonly Sample[], reasons: readonly Reason[], plan: JudgePlan): InvalidVerdict {
  const { expected, mode, rule = 'interval' } = plan
  return {
    state: 'INVALID',
    sentence: invalidSentence({ mode, expected }, reasons, samples.length),
    mode,
    expected,
    rule,
    notes: [],
    ...withCauses(samples, plan),
    reasons,
  }
}

function withCauses(samples: readonly Sample[], plan: JudgePlan): Pick<Verdict, 'why'> {
  const why = causesOf(samples, plan)
  return why.length > 0 ? { why } : {}
}
