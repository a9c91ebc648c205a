/** What carries a measurement fails while it is measured: the data plane, the tool at either end, the link, the lease. */
import { setTimeout as delay } from 'node:timers/promises'
import { describe } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { changeAddress, killIperf3, placeOf, setDataLink } from './support/guest-faults.ts'
import { type NamedFault, plantEach } from './support/measuring.ts'
import { benchSize, property } from './support/property.ts'

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('what carries a measurement', () => {
  const lab = useLab()
  const kill = (hypervisor: string, verb: string) => async (): Promise<void> =>
    void (await lab.shell(hypervisor, `docker ${verb} dpservice_${hypervisor}`))
  const otherAddress = '10.99.99.9'
  const invalid = { status: 3, verdict: 'INVALID', saysNot: [/PASS/] } as const

  const faults: readonly NamedFault[] = [
    {
      what: 'dpservice of the receiver is killed',
      plant: kill('hypervisor-1', 'kill'),
      expected: {
        ...invalid,
        says: [/dpservice on hypervisor-1 stopped \(exit code 137\)/],
        withinMs: 30_000,
      },
    },
    {
      what: 'dpservice of the sender is killed and started again',
      plant: kill('hypervisor-2', 'restart -t 0'),
      expected: {
        ...invalid,
        says: [/dpservice on hypervisor-2 stopped \(exit code 137\)/],
        withinMs: 30_000,
      },
    },
    {
      what: 'iperf3 is killed on the receiver',
      plant: () => killIperf3(lab, 'vm1', 'server'),
      expected: { ...invalid, says: [/server on vm1: iperf3 was killed \(SIGKILL\)/], withinMs: 40_000 },
    },
    {
      what: 'iperf3 is killed on the sender',
      plant: () => killIperf3(lab, 'vm3', 'client'),
      expected: { ...invalid, says: [/client on vm3: iperf3 was killed \(SIGKILL\)/], withinMs: 40_000 },
    },
    {
      what: 'the link of the receiver is down for a moment',
      plant: async () => {
        await setDataLink(lab, 'vm1', 'down')
        await delay(1200)
        await setDataLink(lab, 'vm1', 'up')
      },
      expected: {
        ...invalid,
        says: [/vm1: the link of its data NIC eth1 went down and up while/],
        withinMs: 60_000,
      },
    },
    {
      what: 'the link of the receiver goes down and stays down',
      plant: () => setDataLink(lab, 'vm1', 'down'),
      mend: () => setDataLink(lab, 'vm1', 'up'),
      expected: {
        ...invalid,
        says: [/vm1: the link of its data NIC eth1 .* is still down/],
        withinMs: 90_000,
      },
    },
    {
      what: 'the lease of the receiver changes',
      plant: () => changeAddress(lab, 'vm1', placeOf(lab, 'vm1').ipv4, otherAddress),
      mend: async () =>
        void (await lab.tryShell('vm1', `ip address del ${otherAddress}/32 dev eth1 2> /dev/null`)),
      expected: { ...invalid, says: [/vm1: its data NIC eth1 lost .*: its lease changed/], withinMs: 90_000 },
    },
  ]

  const deaf = '/run/dpbench-deaf.ts'
  const noLease: NamedFault = {
    what: 'DHCP of the sender’s data plane never answers',
    edit: (config) => {
      config.hypervisors[1].dpservice.mounts = [`${deaf}:/usr/lib/softplane/guest/dhcp4.ts:ro`]
    },
    prepare: async () =>
      void (await lab.shell('hypervisor-2', `echo 'export const answerDhcp4 = () => undefined' > ${deaf}`)),
    when: async () => undefined,
    plant: async () => undefined,
    mend: async () => void (await lab.shell('hypervisor-2', `rm -f ${deaf}`)),
    expected: {
      status: 3,
      saysNot: [/PASS/],
      says: [/the data plane's DHCP lease on vm3/],
      withinMs: 120_000,
    },
  }

  const all = [...faults, noLease]
  property(
    'what carries a measurement fails while it is measured',
    { counted: 'faults', quick: 0, whole: all.length, timeoutMs: all.length * 240_000 },
    (tally) => plantEach(lab, tally, all),
  )
})
