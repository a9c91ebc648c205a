/** A dpservice that was killed and started again: what it is told anew, and that what it has forgotten is taken back all the same. */
import { expect, test } from 'vitest'
import { makeLoadBalancer, makeNat } from '../../src/dataplane/dpservice/network-functions.ts'
import { type TwoHypervisors, twoHypervisors } from './recorded-dpservice.ts'

async function furnished(): Promise<TwoHypervisors & { undo(): Promise<void>; check(): Promise<void> }> {
  const site = twoHypervisors()
  const made = [
    await makeNat(site.deployment, {
      vm: site.vm3,
      peer: site.vm1,
      address: '10.10.20.20',
      ports: [10240, 10360],
    }),
    await makeLoadBalancer(site.deployment, {
      name: 'test_lb',
      address: '10.20.30.30',
      ports: [{ protocol: 'TCP', port: 5201 }],
      vni: 100,
      nodes: [site.h2.hypervisor()],
      backends: [site.vm3, site.vm2],
      clients: [site.vm1],
    }),
  ]
  return {
    ...site,
    undo: async () => void (await Promise.all(made.map((each) => each.undo()))),
    check: async () => void (await Promise.all(made.map((each) => each.check()))),
  }
}

test('is told all that it knew, in its order and with the same addresses', async () => {
  const { h2, check } = await furnished()
  const [before, commands] = [new Map(h2.objects), [...h2.commands]]
  h2.restart()
  await expect(check()).rejects.toThrow('hypervisor-2')
  h2.commands.length = 0
  await h2.known.again(h2.place().client)
  expect(h2.objects).toEqual(before)
  expect(h2.commands).toEqual(commands.filter((command) => command.startsWith('create')))
  await check()
})

test('is not told what was taken back meanwhile', async () => {
  const { h2, undo, journal } = await furnished()
  await undo()
  h2.restart()
  h2.commands.length = 0
  await h2.known.again(h2.place().client)
  expect(h2.commands).toEqual([])
  expect(journal.pending).toEqual([])
})

test('another underlay address than before is a fault, as the others route to the old one', async () => {
  const { h2 } = await furnished()
  h2.restart()
  h2.run(['dpservice-cli', '-o', 'json', 'create', 'lbprefix', '--prefix=1.2.3.4/32', '--interface-id=other'])
  await expect(h2.known.again(h2.place().client)).rejects.toThrow(
    'hypervisor-2: NAT 10.10.20.20 of vm3 had the underlay address fc00:2::1 and got fc00:2::2 after the restart',
  )
})

test('one that nobody told anything holds no object: taking back is no failure', async () => {
  const { h2, undo, journal } = await furnished()
  h2.restart(false)
  await undo()
  expect(journal.pending).toEqual([])
})

test('another refusal with that status is one', async () => {
  const { h2, undo, journal } = await furnished()
  h2.refuse = { pattern: /^delete nat/, code: 10, message: 'transaction aborted' }
  await expect(undo()).rejects.toThrow('transaction aborted')
  expect(journal.pending).toContain('+NAT 10.10.20.20 of vm3 on hypervisor-2 #1')
})
