/** Throughput between two VMs of one virtual network: on one hypervisor, and from one hypervisor to another. */
import { describe, expect, test } from 'dpbench'

const families = [
  ['IPv4', 'ipv4'],
  ['IPv6', 'ipv6'],
] as const

describe.for(families)('%s', ([name, family]) => {
  test(`${name} on one hypervisor`, async ({ placement, traffic }) => {
    const throughput = await traffic.iperf3({ ...placement.sameHypervisor(), family })
    expect(throughput).toReachExpected('local_vm2vm')
  })

  test(`${name} between hypervisors`, async ({ placement, dataplane, traffic }) => {
    const { from, to } = placement.acrossHypervisors()
    await dataplane.route(from, to)
    const throughput = await traffic.iperf3({ from, to, family })
    expect(throughput).toReachExpected('remote_vm2vm')
  })
})
