/** More repetitions of a measurement that seemed to be over. */
import { MeasurementError } from '../core/errors.ts'
import type { Sample } from '../verdict/sample.ts'
import { invalidReasons } from '../verdict/validity.ts'
import type { RunContext } from './run-context.ts'

/** @throws MeasurementError when a repetition is not valid */
export async function measureAgain(
  measure: () => Promise<Sample>,
  count: number,
  { config, mode }: RunContext,
): Promise<Sample[]> {
  const samples: Sample[] = []
  while (samples.length < count) {
    const sample = await measure()
    const reasons = invalidReasons(sample, { mode, profile: config.measurement })
    if (reasons.length > 0) throw new MeasurementError(reasons.map(({ message }) => message).join('\n'))
    samples.push(sample)
  }
  return samples
}
