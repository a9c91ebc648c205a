/** Which cable is plugged out, by what, and what a killed run left. */
import { describe, expect, test } from 'vitest'
import type { Undo } from '../../src/core/journal.ts'
import type { Hypervisor } from '../../src/machine/hypervisor.ts'
import { type CabledMachine, DataLink, undoLink } from '../../src/machine/link.ts'
import { PutBacks } from '../../src/machine/put-back.ts'
import { metadataNamespace } from '../../src/transport/libvirt/documents.ts'
import { type FakeHost, fakeHost } from './fake-machine.ts'

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1qbKTvVgQyKPPcPZZ8Ygz6ZxZGoLnNYZx0o2h8p4W9'
const label = (hostKey: string): string =>
  `<metadata><d:provisioned xmlns:d="${metadataNamespace}" environment="e" run="r" spec="s" host-key="${hostKey}" origin="o"/></metadata>`
const nic = (mac: string): string => `<interface type='bridge'><mac address='${mac}'/></interface>`
const vf = `<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x8a' slot='0x00' function='0x4'/></source></hostdev>`
const domain = (devices: string, metadata = label(key)): string =>
  `<domain><name>vm1</name>${metadata}<devices>${nic('52:54:00:00:00:01')}${devices}</devices></domain>`

interface World {
  /** `undefined`: there is no such domain. */
  xml?: string
  running?: boolean
  vfState?: string
  ports?: string
}

function world({ xml, running = true, vfState = 'auto', ports = '[]' }: World) {
  const events: string[] = []
  const ssh: FakeHost = fakeHost('hypervisor-1', (command) => {
    if (command.includes('dumpxml')) return xml === undefined ? { exitCode: 1 } : { stdout: xml }
    if (command.includes('--state-running')) return { stdout: running ? 'vm1\n' : '\n' }
    if (command.includes('list --all')) return { stdout: xml === undefined ? '\n' : 'vm1\n' }
    if (command.includes('physfn')) return { stdout: '0000:8a:00.4 enp138s0f0np0 2\n' }
    if (command.includes('-json link show dev'))
      return {
        stdout: JSON.stringify([{ ifname: 'enp138s0f0np0', vfinfo_list: [{ vf: 2, link_state: vfState }] }]),
      }
    if (command.includes('show master')) return { stdout: ports }
    events.push(command.replace(/^.*qemu:\/\/\/system /, ''))
    return {}
  })
  const recorded: Undo[] = []
  const putBacks = new PutBacks()
  const vm: CabledMachine = {
    name: 'vm1',
    hypervisor: { name: 'hypervisor-1', ssh },
    address: { name: 'vm1', address: '10.0.0.2', port: 22, user: 'root', keyFile: '/k', hostKey: key },
    data: { managementMac: '52:54:00:00:00:01', bridge: 'br-vm1', netdev: 'dtap1' },
    putBacks,
    recordChange: async (what, undo) => {
      events.push(`record ${what}`)
      recorded.push(undo)
      return { done: async () => void events.push('done') }
    },
    afterUnblock: async () => void events.push('ready'),
  }
  return {
    link: new DataLink(vm),
    vm,
    events,
    recorded,
    putBacks,
    hypervisor: { name: 'hypervisor-1', ssh } as unknown as Hypervisor,
  }
}

const out = 'domif-setlink --domain vm1 --interface 52:54:00:00:00:02 --state down'
const back = out.replace('down', 'up')
const record = 'record vm1: the link of its data NIC'
const emulated = domain(nic('52:54:00:00:00:02'))

describe('a NIC that libvirt emulates', () => {
  test('is plugged out after it was written down, once, and in with the end of the test', async () => {
    const { link, events, putBacks } = world({ xml: emulated })
    await link.block()
    await link.block()
    expect(events).toEqual([record, out, out])
    await putBacks.run()
    expect(events.slice(3)).toEqual([back, 'done', 'ready'])
    await putBacks.run()
    await link.unblock()
    expect(events.slice(6)).toEqual([back]) // nothing to be made ready: it was in
  })

  test('of a domain that is not ours is not touched', async () => {
    const other = key.replace('IJ1q', 'IJ1r')
    for (const metadata of ['', label(other)]) {
      const { link, events } = world({ xml: domain(nic('52:54:00:00:00:02'), metadata) })
      await expect(link.block()).rejects.toThrow(/the domain vm1 on hypervisor-1 was not made by dpbench/)
      expect(events).toEqual([])
    }
  })

  test('of a machine that is off cannot be plugged out; without another NIC there is none', async () => {
    await expect(world({ xml: emulated, running: false }).link.block()).rejects.toThrow(
      /vm1 is shut off: start it/,
    )
    await expect(world({ xml: domain('') }).link.block()).rejects.toThrow(/no NIC beside its management NIC/)
  })

  test('is plugged in after a killed run, where the domain still is ours and runs', async () => {
    const killed = world({ xml: emulated })
    await killed.link.block()
    const [undo] = killed.recorded
    const again = world({ xml: emulated })
    await undoLink(again.hypervisor, JSON.parse(JSON.stringify(undo)))
    expect(again.events).toEqual([back])
    const off = world({ xml: emulated, running: false })
    await undoLink(off.hypervisor, undo)
    expect(off.events).toEqual([])
    const foreign = world({ xml: domain(nic('52:54:00:00:00:02'), '') })
    expect(await undoLink(foreign.hypervisor, undo)).toMatch(/not ours any more/)
    expect(foreign.events).toEqual([])
  })
})

describe('a VF', () => {
  test('is disabled at its physical function, and gets back the state that it had', async () => {
    const { link, events, recorded } = world({ xml: domain(vf), vfState: 'enable' })
    await link.block()
    await link.unblock()
    expect(events).toEqual([
      record,
      'ip link set dev enp138s0f0np0 vf 2 state disable',
      'ip link set dev enp138s0f0np0 vf 2 state enable',
      'done',
      'ready',
    ])
    const later = world({ xml: domain(vf), running: false })
    await undoLink(later.hypervisor, recorded[0])
    expect(later.events).toEqual(['ip link set dev enp138s0f0np0 vf 2 state enable'])
  })

  test('that is disabled already goes back to auto', async () => {
    const { link, events } = world({ xml: domain(vf), vfState: 'disable' })
    await link.unblock()
    expect(events).toEqual(['ip link set dev enp138s0f0np0 vf 2 state auto'])
  })
})

describe('a guest that is no domain', () => {
  const ports = (...names: string[]): string => JSON.stringify(names.map((ifname) => ({ ifname })))

  test("has a port of its own in the config's bridge", async () => {
    const { link, events } = world({ ports: ports('dtap1', 'vm1-port') })
    await link.block()
    await link.unblock()
    expect(events).toEqual([
      record,
      'ip link set dev vm1-port down',
      'ip link set dev vm1-port up',
      'done',
      'ready',
    ])
  })

  test.each([
    [ports('dtap1'), 'has no port beside'],
    [ports('a', 'dtap1', 'b'), 'has the ports a, b beside'],
  ])('whose port is not to be told is not touched: %s', async (seen, why) => {
    const { link, events } = world({ ports: seen })
    await expect(link.block()).rejects.toThrow(why)
    expect(events).toEqual([])
  })
})
