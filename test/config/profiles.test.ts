import { expect, test } from 'vitest'
import { profiles } from '../../src/config/measurement.ts'

// The table of MEASUREMENT.md, "Profiles".
test.for([
  ['quick', 5, [2, 1], [3, 5], 1, 0.1],
  ['default', 30, [5, 2], [6, 10], 5, 0.05],
  ['release', 60, [10, 5], [10, 20], 5, 0.03],
] as const)(
  'profile %s',
  ([name, keptSeconds, [warmUpSeconds, warmDownSeconds], [min, max], gapSeconds, maxCov]) => {
    expect(profiles[name]).toEqual({
      name,
      keptSeconds,
      warmUpSeconds,
      warmDownSeconds,
      repetitions: { min, max },
      gapSeconds,
      maxCov,
      onUnprovenMode: 'note',
    })
  },
)
