/**
 * More than throughput, between hypervisors: run by `--tags traffic`. Figures without an entry in the config's `expected`
 * are reported and not judged; the names asked for stand beside each.
 */
import { describe, expect, test as base } from 'dpbench'

const test = base.extend('path', async ({ placement, dataplane }) => {
  const path = placement.acrossHypervisors()
  await dataplane.route(path.from, path.to)
  return { ...path, family: 'ipv4' as const }
})

describe('traffic', { tags: ['traffic'] }, () => {
  test('UDP at a rate, its loss and jitter', async ({ path, traffic }) => {
    const expected = { loss: 'udp_loss', jitter: 'udp_jitter' }
    const { metrics } = await traffic.udp({ ...path, bitsPerSecond: 100e6, expected })
    expect.soft(metrics.loss).toStayBelow('udp_loss')
    expect.soft(metrics.jitter).toStayBelow('udp_jitter')
  })

  test('UDP within a loss, as fast as it goes', async ({ path, traffic }) => {
    const expected = { received: 'udp_limit' }
    const { metrics } = await traffic.udpLimit({ ...path, mostLoss: 0.005, expected })
    expect(metrics.received).toReach('udp_limit')
  })

  test('TCP in reverse', async ({ path, traffic }) => {
    const { metrics } = await traffic.reverse({ ...path, expected: { received: 'tcp_reverse' } })
    expect(metrics.received).toReach('tcp_reverse')
  })

  test('TCP both ways at once', async ({ path, traffic }) => {
    const { metrics } = await traffic.bothWays({ ...path, expected: { total: 'tcp_both_ways' } })
    expect(metrics.total).toReach('tcp_both_ways')
  })

  test('round trips, idle and under load', async ({ path, traffic }) => {
    const expected = { 'idle p99': 'rtt_idle_p99', 'loaded p99': 'rtt_loaded_p99' }
    const { metrics } = await traffic.rttUnderLoad({ ...path, expected })
    expect.soft(metrics['idle p99']).toStayBelow('rtt_idle_p99')
    expect.soft(metrics['loaded p99']).toStayBelow('rtt_loaded_p99')
  })

  for (const transport of ['tcp', 'udp'] as const) {
    test(`request and response by ${transport.toUpperCase()}`, async ({ path, traffic }) => {
      const key = `${transport}_latency_p99`
      const { metrics } = await traffic.latency({ ...path, transport, expected: { p99: key } })
      expect(metrics.p99).toStayBelow(key)
    })
  }

  test('UDP by size of packet', async ({ path, traffic }) => {
    for (const { payloadBytes, metrics } of await traffic.packetSizes(path))
      expect.soft(metrics.packets).toReach(`udp_packets_${payloadBytes}`)
  })
})
