/** Throughput of plain Linux routing, judged by what the config expects, and by a threshold of the suite's own. */
import { expect } from 'dpbench'
import { test } from './routing.ts'

test('routed on one hypervisor', async ({ placement, routing, traffic }) => {
  const { from, to } = placement.sameHypervisor()
  await routing.between(from, to)
  const throughput = await traffic.iperf3({ from, to, family: 'ipv4' })
  expect(throughput).toReachExpected('local_vm2vm')
})

test('routed between hypervisors', async ({ placement, routing, subtest, traffic }) => {
  const { from, to } = placement.acrossHypervisors()
  await subtest('the routes lead there', () => routing.between(from, to))
  const enough = { gbitPerSecond: 0.01, name: 'routed' }
  const throughput = await traffic.iperf3({ from, to, family: 'ipv4', flows: 1, expected: enough })
  expect(throughput).toReachExpected(enough)
})
