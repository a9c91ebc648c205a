/** What ends a measurement of throughput: a verdict against a threshold of the config, or the fewest repetitions. */
import type { Mode, RunMode } from '../config/index.ts'
import { ConfigError, UsageError } from '../core/errors.ts'
import { judge, nextStep } from '../verdict/decide.ts'
import type { Sample } from '../verdict/sample.ts'
import { invalidReasons } from '../verdict/validity.ts'
import type { JudgePlan, Verdict } from '../verdict/verdict.ts'
import type { RunContext } from './run-context.ts'

/** The thresholds of the config, by scenario. */
export type ThresholdKey = 'local_vm2vm' | 'remote_vm2vm' | 'nat' | 'lb'

/** A threshold of the suite's own, where the config is not to say it. */
export interface OwnThreshold {
  readonly gbitPerSecond: number
  /** What reports call it. Default: `own`. */
  readonly name?: string
}

export type Threshold = ThresholdKey | OwnThreshold

/** What a measurement is for, in reports. */
export function scenarioOf(threshold: Threshold): string {
  return typeof threshold === 'string' ? threshold : (threshold.name ?? 'own')
}

/** Evidence, rules and sentences speak of a mode where there is one. */
export function modeOf({ mode }: Pick<RunContext, 'mode'>): Mode | undefined {
  return mode === 'plain' ? undefined : mode
}

/** Nothing more is to be measured. */
export interface Ending {
  /** None where the run only measures. */
  readonly verdict?: Verdict
  /** Why nothing was measured, in full. */
  readonly invalid?: string
}

/**
 * What to do after the samples so far. Without a data plane nothing has to be expected: what nobody asked for, and the config
 * does not have, is measured alone.
 * @param asked whether the suite named the threshold
 * @throws ConfigError at once when the run judges and the config has no such threshold
 */
export function endingOf(
  run: RunContext,
  key: Threshold,
  asked = true,
): (samples: readonly Sample[]) => 'again' | Ending {
  if (run.measureOnly || (!asked && run.mode === 'plain' && !hasThreshold(run, key)))
    return (samples) => measured(samples, run)
  const plan = judgePlan(run, key)
  return (samples) => {
    const verdict = nextStep(samples, plan)
    if (verdict === 'again') return 'again'
    if (verdict.state !== 'INVALID') return { verdict }
    const reasons = verdict.reasons.map(({ message }) => message)
    return { verdict, invalid: [verdict.sentence, ...reasons].join('\n') }
  }
}

/** @throws ConfigError when the config has no such threshold */
export function judgeAgainst(samples: readonly Sample[], run: RunContext, key: Threshold): Verdict {
  return judge(samples, judgePlan(run, key))
}

/** Without a threshold nothing is decided early, and nothing asks for more than the fewest repetitions. */
function measured(samples: readonly Sample[], run: RunContext): 'again' | Ending {
  const mode = modeOf(run)
  const profile = run.config.measurement
  const reasons = samples.flatMap((sample) => invalidReasons(sample, { mode, profile }))
  if (reasons.length > 0) {
    const said = reasons.map(({ message }) => message).join('\n')
    return { invalid: `no valid figure (${run.mode}), n=${samples.length}: ${said}` }
  }
  return samples.length < profile.repetitions.min ? 'again' : {}
}

function judgePlan(run: RunContext, key: Threshold): JudgePlan {
  const { config, verdictRule } = run
  const gigabits = typeof key === 'string' ? config.expectedThroughput[run.mode]?.[key] : key.gbitPerSecond
  if (gigabits === undefined) throw nothingExpected(run.mode, scenarioOf(key))
  if (!(gigabits > 0 && Number.isFinite(gigabits)))
    throw new UsageError(
      `gbitPerSecond is ${gigabits}: write the throughput that must be reached, more than 0`,
    )
  const expected = { bitsPerSecond: gigabits * 1e9, key: scenarioOf(key) }
  return { profile: config.measurement, expected, mode: modeOf(run), rule: verdictRule }
}

function hasThreshold({ config, mode }: RunContext, key: Threshold): boolean {
  return typeof key !== 'string' || config.expectedThroughput[mode]?.[key] !== undefined
}

function nothingExpected(mode: RunMode, key: string): ConfigError {
  if (mode === 'plain')
    return new ConfigError(
      `the config expects nothing of ${key}: write "${key}" into expected_throughput.plain, or hold the figure ` +
        'against a threshold of the suite, { gbitPerSecond: … }',
    )
  const place = `expected_throughput.${mode === 'offload' ? 'hw' : 'sw'}`
  return new ConfigError(
    `the config expects nothing of ${key} in mode ${mode}: write "${key}" into ${place}, ` +
      'or have it found by `npx dpbench calibrate`',
  )
}
