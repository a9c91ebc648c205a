/** The way to a machine fails while it is measured: connections cut, sshd stopped, the hypervisor frozen and gone. */
import { describe } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { cutSessions, freeze, setManagementLink, startSshd, stopSshd, thaw } from './support/host-faults.ts'
import { type NamedFault, plantEach } from './support/measuring.ts'
import { benchSize, property } from './support/property.ts'

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('the way to a machine', () => {
  const lab = useLab()

  const cut = { status: 3, says: [/hypervisor-2: the SSH connection to \S+ was lost/] } as const
  /** Nothing can be put back there before it is back. */
  const unreachable = { ...cut, left: /container dpservice_hypervisor-2/ } as const

  const faults: readonly NamedFault[] = [
    {
      what: 'the SSH connection to hypervisor-2 is cut',
      plant: () => cutSessions(lab, 'hypervisor-2'),
      expected: { ...cut, withinMs: 30_000 },
    },
    {
      what: 'the SSH connection to the guest vm3 is cut',
      plant: () => cutSessions(lab, 'vm3'),
      expected: { status: 3, says: [/vm3: the SSH connection to \S+ was lost/], withinMs: 30_000 },
    },
    {
      what: 'sshd of hypervisor-2 is stopped',
      plant: () => stopSshd(lab, 'hypervisor-2'),
      mend: () => startSshd(lab, 'hypervisor-2'),
      expected: { ...unreachable, withinMs: 60_000 },
    },
    {
      what: 'hypervisor-2 is frozen',
      plant: () => freeze(lab, 'hypervisor-2'),
      mend: () => thaw(lab, 'hypervisor-2'),
      expected: { ...unreachable, withinMs: 90_000 },
    },
    {
      what: 'hypervisor-2 is gone from the management network',
      plant: () => setManagementLink(lab, 'hypervisor-2', 'down'),
      mend: () => setManagementLink(lab, 'hypervisor-2', 'up'),
      expected: { ...unreachable, withinMs: 90_000 },
    },
  ]

  property(
    'a machine that is out of reach while it is measured',
    { counted: 'faults', quick: 0, whole: faults.length, timeoutMs: faults.length * 240_000 },
    (tally) => plantEach(lab, tally, faults),
  )
})
