/** A data plane that is killed and started again, in the hands of a suite: what it carried it carries again, and nothing is left. */
import { describe, expect } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { Project, stackTrace } from '../e2e/support/project.ts'
import { expectAsBefore } from '../e2e/support/snapshot.ts'
import { benchSize, property } from './support/property.ts'

const suite = `
import { expect, test } from 'dpbench'

for (const name of ['hypervisor-1', 'hypervisor-2']) {
  test('NAT through ' + name, async ({ placement, dataplane, traffic, hypervisor }) => {
    const path = placement.behindNat({ flows: 1 })
    const through = await dataplane.nat(path)
    await dataplane.kill(hypervisor[name])
    await dataplane.start(hypervisor[name])
    const throughput = await traffic.iperf3({ ...path, family: 'ipv4', flows: 1, through })
    expect(throughput).toReachExpected('nat')
  })
  test('a load balancer through ' + name, async ({ placement, dataplane, traffic, hypervisor }) => {
    const path = placement.loadBalanced()
    const { from, backends, family } = path
    const through = await dataplane.loadBalancer(path)
    await dataplane.kill(hypervisor[name])
    await dataplane.start(hypervisor[name])
    const throughput = await traffic.iperf3({ from, to: backends[0], family, flows: 1, through })
    expect(throughput).toReachExpected('lb')
  })
}
test('killed and left so', async ({ dataplane, hypervisor, vm }) => {
  await dataplane.route(vm.vm1, vm.vm3)
  await dataplane.kill(hypervisor['hypervisor-1'])
})
test('carries again after that', async ({ dataplane, traffic, vm }) => {
  await dataplane.route(vm.vm3, vm.vm1)
  const throughput = await traffic.iperf3({ from: vm.vm3, to: vm.vm1, family: 'ipv6' })
  expect(throughput).toReachExpected('remote_vm2vm')
})
test('does not come back', async ({ dataplane, traffic, hypervisor, vm }) => {
  await dataplane.route(vm.vm3, vm.vm1)
  await traffic.outage({
    from: vm.vm3, to: vm.vm1, family: 'ipv4', event: 'the data plane killed for good', lastsMs: 0, backWithinMs: 3000,
    fault: () => dataplane.kill(hypervisor['hypervisor-1']), expected: { outage: 'outage_dataplane' },
  })
})
`

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('a suite that breaks the data plane', () => {
  const lab = useLab()

  property(
    'a data plane killed and started again by a suite carries what it carried; one that stays away is a missed threshold',
    { counted: 'tests', quick: 0, whole: 7, timeoutMs: 300_000 },
    async (tally) => {
      const project = await Project.create(lab, {
        suites: { 'restarts.test.ts': suite },
        edit: (config) => {
          config.expected = { hw: { outage_dataplane: { at_most: 1, unit: 's' } } }
        },
      })
      const before = await lab.snapshot()
      const { status, text } = await project.run('--mode', 'offload', '--verdict', 'mean')
      const { tests } = await project.record()
      expect(tests, text).toHaveLength(tally.wanted)
      for (const { name, result } of tests)
        await tally.try(name, async () => {
          const state = result.state === 'judged' ? result.verdict.state : result.state
          const wanted = name === 'does not come back' ? ['failed'] : ['PASS', 'passed']
          return wanted.includes(state) ? [] : [`${state}:\n${text}`]
        })
      expect(text).toMatch(
        /vm1 \(hypervisor-1\) does not answer vm3 \(hypervisor-2\) again after: the data plane killed for good; the outage is \S+ s at least > 1 s expected/,
      )
      expect(text).not.toMatch(stackTrace)
      expect(status, text).toBe(1)
      await expectAsBefore(lab, before)
    },
  )
})
