/** What the data plane runs in fails while it is measured: its process stands still, its container goes, Docker stands still and dies. */
import { describe } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { restartDocker, signalDocker } from './support/host-faults.ts'
import { type NamedFault, plantEach } from './support/measuring.ts'
import { benchSize, property } from './support/property.ts'

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('what the data plane runs in', () => {
  const lab = useLab()
  const docker = (verb: string) => async (): Promise<void> =>
    void (await lab.shell('hypervisor-1', `docker ${verb} dpservice_hypervisor-1`))
  const never = { saysNot: [/PASS/] } as const

  const faults: readonly NamedFault[] = [
    {
      what: 'dpservice of the receiver stands still',
      plant: docker('kill -s STOP'),
      expected: { ...never, status: 3, says: [/dpservice on hypervisor-1/], withinMs: 90_000 },
    },
    {
      what: 'the container of the receiver’s data plane is removed',
      plant: docker('rm -f'),
      expected: { ...never, status: 3, says: [/dpservice on hypervisor-1/], withinMs: 60_000 },
    },
    {
      what: 'Docker of the receiver stands still',
      plant: () => signalDocker(lab, 'hypervisor-1', 'STOP'),
      mend: () => signalDocker(lab, 'hypervisor-1', 'CONT'),
      expected: {
        ...never,
        status: 3,
        says: [/hypervisor-1: Docker has not answered within \d+ s/],
        left: /container dpservice_hypervisor-1/,
        withinMs: 150_000,
      },
    },
    {
      what: 'Docker of the receiver dies',
      plant: () => signalDocker(lab, 'hypervisor-1', 'KILL'),
      mend: () => restartDocker(lab, 'hypervisor-1'),
      expected: {
        ...never,
        status: 3,
        says: [/hypervisor-1: cannot open \/var\/run\/docker\.sock: .*nobody listens there/],
        left: /container dpservice_hypervisor-1/,
        withinMs: 60_000,
      },
    },
  ]

  property(
    'what the data plane runs in fails while it is measured',
    { counted: 'faults', quick: 0, whole: faults.length, timeoutMs: faults.length * 300_000 },
    (tally) => plantEach(lab, tally, faults),
  )
})
