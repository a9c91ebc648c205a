import { describe, expect, test } from 'vitest'
import { metadataNamespace, parseDomain, parseNetwork } from '../../src/transport/libvirt/documents.ts'
import { parseInterfaceAddresses } from '../../src/transport/libvirt/interface-addresses.ts'

const domain = (metadata: string) => `<domain type='qemu' id='3'>
  <name>vm1</name><uuid>0e9a0a4e-3f7f-4a41-b7a5-56ad1a3c9a10</uuid>
  <metadata>${metadata}</metadata>
  <devices>
    <disk type='file' device='disk'><source file='/d/vm1.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><mac address='52:54:00:AA:bb:01'/></interface>
    <interface type='bridge'><mac address='52:54:00:aa:bb:02'/></interface>
    <hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x8a' slot='0x00' function='0x4'/></source></hostdev>
    <hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/></source></hostdev>
  </devices>
</domain>`

describe('a domain', () => {
  test('of ours carries our metadata, under any prefix', () => {
    const xml = domain(
      `<x:provisioned xmlns:x="${metadataNamespace}" environment="e" run="r" spec="s" host-key="ssh-ed25519 AAAA" origin="a@b:/c"/>`,
    )
    expect(parseDomain(xml)).toMatchObject({
      name: 'vm1',
      uuid: '0e9a0a4e-3f7f-4a41-b7a5-56ad1a3c9a10',
      macAddresses: ['52:54:00:aa:bb:01', '52:54:00:aa:bb:02'],
      hostDevices: ['0000:8a:00.4'],
      diskFiles: ['/d/vm1.qcow2'],
      provisioned: { environment: 'e', run: 'r', spec: 's', hostKey: 'ssh-ed25519 AAAA', origin: 'a@b:/c' },
    })
  })

  test.each([
    '',
    '<x:provisioned xmlns:x="https://example.org/other" environment="e"/>',
    `<x:other xmlns:x="${metadataNamespace}" environment="e"/>`,
  ])('with metadata %j is somebody else’s', (metadata) => {
    expect(parseDomain(domain(metadata)).provisioned).toBeUndefined()
  })

  test('that is not well-formed is refused with its place', () => {
    expect(() => parseDomain('<domain><name>vm1</domain>')).toThrow(/line 1/)
  })
})

test('a network tells its bridge and the MAC addresses that its DHCP knows', () => {
  const xml = `<network><name>default</name><bridge name='virbr0'/><mac address='52:54:00:00:00:fe'/>
    <ip address='192.168.122.1'><dhcp><range start='1' end='2'/><host mac='52:54:00:00:00:0A' ip='192.168.122.10'/></dhcp></ip></network>`
  expect(parseNetwork(xml)).toEqual({
    name: 'default',
    bridge: 'virbr0',
    hostMacAddresses: ['52:54:00:00:00:0a'],
    hasDhcp: true,
  })
  expect(parseNetwork('<network><name>n</name></network>')).toMatchObject({ hasDhcp: false })
})

describe('leases', () => {
  test('are read by their columns', () => {
    const table = ` Name       MAC address          Protocol     Address
-------------------------------------------------------------------------------
 vnet0      52:54:00:AA:bb:01    ipv4         192.168.122.61/24
 vnet1      52:54:00:aa:bb:02    N/A          N/A
`
    expect(parseInterfaceAddresses(table)).toEqual([
      { interface: 'vnet0', macAddress: '52:54:00:aa:bb:01', family: 'ipv4', address: '192.168.122.61' },
    ])
    expect(parseInterfaceAddresses('\n')).toEqual([])
  })

  test.each([
    'vnet0 52:54:00:aa:bb:01 ipv4 nowhere',
    'error: Domain not found',
    'vnet0 52:54:00:aa:bb:01 ipv4 1.2.3.4/24 x',
  ])('%j is refused', (line) => {
    expect(() => parseInterfaceAddresses(line)).toThrow('unknown form')
  })
})
