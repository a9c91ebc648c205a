/** Counters of all four machines in the record of a real run, held against what the flows moved; a planted loss shows in "why". */
import { cpus } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project } from './support/project.ts'

describe.skipIf(whyNoLab.length > 0)('what a run counts', { timeout: 360_000 }, () => {
  const lab = useLab({ unlimited: true })

  test('all machines count what the flows moved, and say why a threshold was missed', async () => {
    // a loss on the way in: 2 of 1000 packets, each of them many segments
    const table = 'netdev dpbench_test_loss'
    const chain = 'type filter hook ingress device eth1 priority 0;'
    const rule = 'meta length > 1000 numgen random mod 1000 < 2 drop'
    onTestFinished(async () => void (await lab.tryShell('vm1', `nft delete table ${table}`)))
    await lab.shell('vm1', `nft 'table ${table} { chain c { ${chain} ${rule}; }; }'`)
    const project = await Project.create(lab, {
      edit: (config: EditableConfig) => {
        const short = { kept_seconds: 2, warm_up_seconds: 0, warm_down_seconds: 0, gap_seconds: 1 }
        config.concurrent_flow_count = 1 // which shares its window with no other
        config.measurement = { ...config.measurement, ...short, repetitions: { min: 2, max: 2 } }
        config.expected_throughput.hw.remote_vm2vm = 4000
      },
    })
    const begun = Date.now()
    const { status, text } = await project.run('--mode', 'offload', '-t', 'IPv4 between hypervisors')
    expect(status, text).toBe(1)
    expect(text).toMatch(/why: [\d,]+ segments per GB were sent again in repetition \d.* \(vm3 → vm1\)/)
    expect(text).toMatch(
      /ceiling unknown: there is no hardware, .* behind dtap0 and dtap1 on hypervisor-1; .* on hypervisor-2/,
    )

    const { tests } = await project.record()
    const { repetitions } = tests.find(({ result }) => result.state === 'judged')!
    expect(repetitions).toHaveLength(2)
    for (const sample of repetitions) {
      if (sample.state !== 'measured') throw new Error(sample.faults.join('; '))
      const counters = sample.counters ?? []
      expect(counters.map(({ machine, role, ends }) => [machine, role, ends?.join()])).toEqual([
        ['vm3', 'guest', 'sender'],
        ['vm1', 'guest', 'receiver'],
        ['hypervisor-2', 'hypervisor', 'sender'],
        ['hypervisor-1', 'hypervisor', 'receiver'],
      ])
      const [vm3, vm1, hypervisor2, hypervisor1] = counters
      const moved = sample.flows
        .flatMap(({ receiver }) => receiver!.intervals)
        .reduce((sum, [, , bytes]) => sum + bytes, 0)
      // headers come on top, and what was lost was sent again; what is in the sockets at the end is counted by the kernel alone
      const seen = [
        vm3!.interfaces.find(({ name }) => name === 'eth1')!.sentBytes,
        vm1!.interfaces.find(({ name }) => name === 'eth1')!.receivedBytes,
        hypervisor2!.interfaces.find(({ name }) => name === 'd-vm3')!.receivedBytes,
        hypervisor1!.interfaces.find(({ name }) => name === 'd-vm1')!.sentBytes,
      ]
      for (const bytes of seen) {
        expect(bytes / moved).toBeGreaterThan(0.98)
        expect(bytes / moved).toBeLessThan(1.25)
      }
      const { segmentsSent, segmentsRetransmitted } = vm3!.tcp!
      expect(segmentsRetransmitted).toBeGreaterThan(0)
      expect(segmentsSent).toBeGreaterThan(segmentsRetransmitted)
      for (const { seconds, cores, softirqs, cpuSeries } of counters) {
        expect(seconds).toBeGreaterThan(2)
        expect(seconds).toBeLessThan(30)
        expect(cores).toHaveLength(cpus().length)
        expect(Math.max(...cores.map(({ busy }) => busy))).toBeGreaterThan(0.2)
        expect(softirqs!['NET_RX']).toBeGreaterThan(0)
        expect(cpuSeries!.startMs).toBeGreaterThan(begun)
        expect(cpuSeries!.startMs).toBeLessThan(Date.now())
        expect(cpuSeries!.points.length).toBeGreaterThanOrEqual(2)
        expect(cpuSeries!.points.every((point) => point.length === 1 + cores.length)).toBe(true)
        expect(cpuSeries!.points.at(-1)![0]).toBeLessThanOrEqual(seconds)
      }
    }
    const second = repetitions[1]!.counters!.flatMap(({ cores }) => cores)
    expect(second.every(({ busyAtRest }) => busyAtRest !== undefined)).toBe(true)
    for (const machine of lab.machines)
      expect(await lab.shell(machine, 'ps -eo args= | grep -c "[p]art ready" || :')).toBe('0\n')
  })
})
