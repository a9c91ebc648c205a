import { expect, test } from 'vitest'
import type { SoftwarePackets } from '../../src/dataplane/dataplane.ts'
import { combined } from '../../src/vitest/observe-paths.ts'

const path = (taken: number, to: string, given: number): SoftwarePackets => ({
  state: 'counted',
  counts: [
    { place: 'taken from vm1', packets: taken },
    { place: `given to ${to}`, packets: given },
  ],
})

test('what goes to several receivers is counted once where it begins, and together where it ends', () => {
  expect(combined([path(30, 'vm3', 20), path(30, 'vm2', 10)])).toEqual({
    state: 'counted',
    counts: [
      { place: 'taken from vm1', packets: 30 },
      { place: 'given to vm3 and given to vm2', packets: 30 },
    ],
  })
})

test('one receiver stays as it is, and one that nobody counted leaves nothing known', () => {
  expect(combined([path(3, 'vm3', 2)])).toEqual(path(3, 'vm3', 2))
  const unknown = { state: 'unknown', reason: 'no telemetry' } as const
  expect(combined([path(3, 'vm3', 2), unknown])).toEqual(unknown)
})
