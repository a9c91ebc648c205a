/** The registry goes away while an image is pulled from it. */
import { describe } from 'vitest'
import { waitFor } from '../../src/core/wait.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { limitLinkTo, restartRegistry, signalRegistry } from './support/host-faults.ts'
import { type FaultWhileMeasuring, faultWhileMeasuring } from './support/measuring.ts'
import { benchSize, property } from './support/property.ts'

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('a registry', () => {
  const lab = useLab({ withoutImage: true })

  /** The image comes slowly, so that the registry has time to go. */
  const whilePulling: Pick<FaultWhileMeasuring, 'prepare' | 'when'> = {
    prepare: () => limitLinkTo(lab, 2, '4mbit'),
    async when({ running }) {
      await waitFor(
        async () => {
          if (running.child.exitCode !== null) return { state: 'failed', reason: running.text }
          const blobs = await lab.shell(
            'hypervisor-2',
            'find /var/lib/docker/tmp -name "GetImageBlob*" -size +64k',
          )
          return blobs === '' ? { state: 'pending' } : { state: 'ready', value: undefined }
        },
        { what: 'the pull to be under way', timeoutMs: 60_000, intervalMs: 50, maxIntervalMs: 100 },
      )
    },
  }
  const says = [
    /hypervisor-2: cannot pull \S+: hypervisor-2 does not reach the registry \S+; check its name and port/,
  ]

  const faults: readonly (FaultWhileMeasuring & { readonly what: string })[] = [
    {
      what: 'the registry is gone',
      ...whilePulling,
      plant: () => signalRegistry(lab, 'KILL'),
      async mend() {
        await limitLinkTo(lab, 2, undefined)
        await restartRegistry(lab)
      },
      // the engine itself tries five times, 75 s in all
      expected: { status: 3, says, withinMs: 130_000, verdict: 'ERROR' },
    },
    {
      what: 'the registry stands still',
      ...whilePulling,
      plant: () => signalRegistry(lab, 'STOP'),
      async mend() {
        await limitLinkTo(lab, 2, undefined)
        await signalRegistry(lab, 'CONT')
      },
      expected: { status: 3, says, withinMs: 160_000, verdict: 'ERROR' },
    },
  ]

  property(
    'a registry that goes away while an image is pulled',
    { counted: 'faults', quick: 0, whole: faults.length, timeoutMs: faults.length * 300_000 },
    async (tally) => {
      for (const fault of faults)
        await tally.try(fault.what, async () => {
          await faultWhileMeasuring(lab, fault)
          return []
        })
    },
  )
})
