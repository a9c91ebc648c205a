/** Throughput through what keeps state for each connection: NAT, and a load balancer before one VM and before two. */
import { expect, test } from 'dpbench'

const amounts = [
  ['1 flow', { flows: 1 }],
  ['concurrent flows', {}],
] as const

test.for(amounts)('NAT, %s', async ([, flows], { placement, dataplane, traffic }) => {
  const path = placement.behindNat(flows)
  const through = await dataplane.nat(path)
  const throughput = await traffic.iperf3({ ...path, ...flows, family: 'ipv4', through })
  expect(throughput).toReachExpected('nat')
})
