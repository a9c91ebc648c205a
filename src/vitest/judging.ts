/** What ends a measurement of throughput: a verdict against a threshold of the config, or the fewest repetitions. */
import { ConfigError } from '../core/errors.ts'
import { judge, nextStep } from '../verdict/decide.ts'
import type { Sample } from '../verdict/sample.ts'
import { invalidReasons } from '../verdict/validity.ts'
import type { JudgePlan, Verdict } from '../verdict/verdict.ts'
import type { RunContext } from './run-context.ts'

/** The thresholds of the config, by scenario. */
export type ThresholdKey = 'local_vm2vm' | 'remote_vm2vm' | 'nat' | 'lb'

/** Nothing more is to be measured. */
export interface Ending {
  /** None where the run only measures. */
  readonly verdict?: Verdict
  /** Why nothing was measured, in full. */
  readonly invalid?: string
}

/**
 * What to do after the samples so far.
 * @throws ConfigError at once when the run judges and the config has no such threshold
 */
export function endingOf(
  run: RunContext,
  key: ThresholdKey,
): (samples: readonly Sample[]) => 'again' | Ending {
  if (run.measureOnly) return (samples) => measured(samples, run)
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
export function judgeAgainst(samples: readonly Sample[], run: RunContext, key: ThresholdKey): Verdict {
  return judge(samples, judgePlan(run, key))
}

/** Without a threshold nothing is decided early, and nothing asks for more than the fewest repetitions. */
function measured(samples: readonly Sample[], { config, mode }: RunContext): 'again' | Ending {
  const profile = config.measurement
  const reasons = samples.flatMap((sample) => invalidReasons(sample, { mode, profile }))
  if (reasons.length > 0) {
    const said = reasons.map(({ message }) => message).join('\n')
    return { invalid: `no valid figure (${mode}), n=${samples.length}: ${said}` }
  }
  return samples.length < profile.repetitions.min ? 'again' : {}
}

function judgePlan({ config, mode, verdictRule }: RunContext, key: ThresholdKey): JudgePlan {
  const gigabits = config.expectedThroughput[mode][key]
  if (gigabits === undefined) {
    const place = `expected_throughput.${mode === 'offload' ? 'hw' : 'sw'}`
    throw new ConfigError(
      `the config expects nothing of ${key} in mode ${mode}: write "${key}" into ${place}, ` +
        'or have it found by `npx dpbench calibrate`',
    )
  }
  const expected = { bitsPerSecond: gigabits * 1e9, key }
  return { profile: config.measurement, expected, mode, rule: verdictRule }
}
