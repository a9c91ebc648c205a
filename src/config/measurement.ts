/** The measurement profiles (MEASUREMENT.md, "Profiles") and a file's way to choose or change one. */
import type { MeasurementFile } from './schema-measurement.ts'
import type { MeasurementProfile } from './types.ts'

export const profiles: Readonly<Record<'quick' | 'default' | 'release', MeasurementProfile>> = {
  quick: {
    name: 'quick',
    keptSeconds: 5,
    warmUpSeconds: 2,
    warmDownSeconds: 1,
    repetitions: { min: 3, max: 5 },
    gapSeconds: 1,
    maxCov: 0.1,
    onUnprovenMode: 'note',
  },
  default: {
    name: 'default',
    keptSeconds: 30,
    warmUpSeconds: 5,
    warmDownSeconds: 2,
    repetitions: { min: 6, max: 10 },
    gapSeconds: 5,
    maxCov: 0.05,
    onUnprovenMode: 'note',
  },
  release: {
    name: 'release',
    keptSeconds: 60,
    warmUpSeconds: 10,
    warmDownSeconds: 5,
    repetitions: { min: 10, max: 20 },
    gapSeconds: 5,
    maxCov: 0.03,
    onUnprovenMode: 'note',
  },
}

/** The profile that a file's `measurement` means; a changed number makes it `custom`. */
export function resolveMeasurement(chosen: MeasurementFile | undefined): MeasurementProfile {
  if (chosen === undefined || typeof chosen === 'string') return profiles[chosen ?? 'default']
  const base = profiles[chosen.profile ?? 'default']
  const changed = Object.keys(chosen).some((key) => key !== 'profile' && key !== 'on_unproven_mode')
  const min = chosen.repetitions?.min ?? Math.min(base.repetitions.min, chosen.repetitions?.max ?? Infinity)
  return {
    name: changed ? 'custom' : base.name,
    keptSeconds: chosen.kept_seconds ?? base.keptSeconds,
    warmUpSeconds: chosen.warm_up_seconds ?? base.warmUpSeconds,
    warmDownSeconds: chosen.warm_down_seconds ?? base.warmDownSeconds,
    repetitions: { min, max: chosen.repetitions?.max ?? Math.max(base.repetitions.max, min) },
    gapSeconds: chosen.gap_seconds ?? base.gapSeconds,
    maxCov: chosen.max_cov ?? base.maxCov,
    onUnprovenMode: chosen.on_unproven_mode ?? base.onUnprovenMode,
  }
}
