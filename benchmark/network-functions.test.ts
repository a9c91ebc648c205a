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

test('load balancer, 1 backend', async ({ placement, dataplane, traffic }) => {
  const path = placement.loadBalanced()
  const { from, backends, family } = path
  const through = await dataplane.loadBalancer(path)
  const throughput = await traffic.iperf3({ from, to: backends[0], family, flows: 1, through })
  expect(throughput).toReachExpected('lb')
})

test('load balancer, 2 backends', async ({ placement, dataplane, traffic }) => {
  const path = placement.loadBalanced({ backends: 2 })
  const { from, backends, family } = path
  const through = await dataplane.loadBalancer(path)
  const throughput = await traffic.balanced({ from, backends, family, through })
  expect(throughput).toReachExpected('lb')
})
