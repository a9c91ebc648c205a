/**
 * How long nothing gets through when a link is out for a moment, and when the data plane is killed and started again: run by
 * `--tags resilience`. It breaks the environment's machines on purpose, and puts them back. Figures without an entry in the
 * config's `expected` are reported and not judged.
 */
import { describe, expect, test } from 'dpbench'

describe('resilience', { tags: ['resilience'] }, () => {
  test('a link that is out for a second', async ({ placement, dataplane, traffic }) => {
    const { from, to } = placement.acrossHypervisors()
    await dataplane.route(from, to)
    const { metrics } = await traffic.outage({
      from,
      to,
      family: 'ipv4',
      event: `the link of ${to.name} out for a second`,
      fault: () => to.block(),
      mend: () => to.unblock(),
      expected: { outage: 'outage_link', recovery: 'recovery_link' },
    })
    expect.soft(metrics.outage).toStayBelow('outage_link')
    expect.soft(metrics.recovery).toStayBelow('recovery_link')
  })

  for (const end of ['receiver', 'sender'] as const) {
    test(`the data plane of the ${end} killed and started again`, async ({
      placement,
      dataplane,
      traffic,
    }) => {
      const { from, to } = placement.acrossHypervisors()
      await dataplane.route(from, to)
      const { hypervisor } = end === 'receiver' ? to : from
      const { metrics } = await traffic.outage({
        from,
        to,
        family: 'ipv4',
        event: `the data plane on ${hypervisor.name} killed and started again`,
        fault: () => dataplane.kill(hypervisor),
        mend: () => dataplane.start(hypervisor),
        lastsMs: 0,
        expected: { outage: 'outage_dataplane', recovery: 'recovery_dataplane' },
      })
      expect.soft(metrics.outage).toStayBelow('outage_dataplane')
      expect.soft(metrics.recovery).toStayBelow('recovery_dataplane')
    })
  }
})
