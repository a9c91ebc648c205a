/**
 * More than throughput, between hypervisors: run by `--tags traffic`. Figures without an entry in the config's `expected`
 * are reported and not judged; the names asked for stand beside each.
 */
import { describe, expect, test } from 'dpbench'

describe('traffic', { tags: ['traffic'] }, () => {
  test('UDP at a rate, its loss and jitter', async ({ placement, dataplane, traffic }) => {
    const { from, to } = placement.acrossHypervisors()
    await dataplane.route(from, to)
    const { metrics } = await traffic.udp({
      from,
      to,
      family: 'ipv4',
      bitsPerSecond: 100e6,
      expected: { loss: 'udp_loss', jitter: 'udp_jitter' },
    })
    expect.soft(metrics.loss).toStayBelow('udp_loss')
    expect.soft(metrics.jitter).toStayBelow('udp_jitter')
  })

  test('UDP without loss, as fast as it goes', async ({ placement, dataplane, traffic }) => {
    const { from, to } = placement.acrossHypervisors()
    await dataplane.route(from, to)
    const { metrics } = await traffic.udpLimit({
      from,
      to,
      family: 'ipv4',
      mostLoss: 0.005,
      expected: { received: 'udp_limit' },
    })
    expect(metrics.received).toReach('udp_limit')
  })

  test('TCP in reverse', async ({ placement, dataplane, traffic }) => {
    const { from, to } = placement.acrossHypervisors()
    await dataplane.route(from, to)
    const { metrics } = await traffic.reverse({
      from,
      to,
      family: 'ipv4',
      expected: { received: 'tcp_reverse' },
    })
    expect(metrics.received).toReach('tcp_reverse')
  })

  test('TCP both ways at once', async ({ placement, dataplane, traffic }) => {
    const { from, to } = placement.acrossHypervisors()
    await dataplane.route(from, to)
    const { metrics } = await traffic.bothWays({
      from,
      to,
      family: 'ipv4',
      expected: { total: 'tcp_both_ways' },
    })
    expect(metrics.total).toReach('tcp_both_ways')
  })

  test('round trips, idle and under load', async ({ placement, dataplane, traffic }) => {
    const { from, to } = placement.acrossHypervisors()
    await dataplane.route(from, to)
    const { metrics } = await traffic.rttUnderLoad({
      from,
      to,
      family: 'ipv4',
      expected: { 'idle p99': 'rtt_idle_p99', 'loaded p99': 'rtt_loaded_p99' },
    })
    expect.soft(metrics['idle p99']).toStayBelow('rtt_idle_p99')
    expect.soft(metrics['loaded p99']).toStayBelow('rtt_loaded_p99')
  })

  for (const transport of ['tcp', 'udp'] as const) {
    test(`request and response by ${transport.toUpperCase()}`, async ({ placement, dataplane, traffic }) => {
      const { from, to } = placement.acrossHypervisors()
      await dataplane.route(from, to)
      const { metrics } = await traffic.latency({
        from,
        to,
        family: 'ipv4',
        transport,
        expected: { p99: `${transport}_latency_p99` },
      })
      expect(metrics.p99).toStayBelow(`${transport}_latency_p99`)
    })
  }

  test('UDP by size of packet', async ({ placement, dataplane, traffic }) => {
    const { from, to } = placement.acrossHypervisors()
    await dataplane.route(from, to)
    const sizes = await traffic.packetSizes({ from, to, family: 'ipv4' })
    for (const { payloadBytes, metrics } of sizes)
      expect.soft(metrics.packets).toReach(`udp_packets_${payloadBytes}`)
  })
})
