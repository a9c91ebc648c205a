import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import { type LabOptions, labSpec } from '../../lab/options.ts'
import { labTag, linkPrefix, macAddress } from '../../lab/tag.ts'
import { overlaps } from '../../lab/network/address-block.ts'
import { unlockRoot } from '../../lab/namespaces/system-files.ts'
import { unitsOf } from '../../lab/quiet-install.ts'
import ipaddr from 'ipaddr.js'

const options = (changes: Partial<LabOptions>): LabOptions => ({
  name: 'default',
  guests: 'namespace',
  hypervisors: 2,
  log: () => undefined,
  ...changes,
})

describe('options of a lab', () => {
  test('without VMs named, two are on the first hypervisor and one on each other', () => {
    expect(labSpec(options({ hypervisors: 3 })).hypervisors).toEqual([
      { name: 'hypervisor-1', vms: ['vm1', 'vm2'] },
      { name: 'hypervisor-2', vms: ['vm3'] },
      { name: 'hypervisor-3', vms: ['vm4'] },
    ])
  })

  test('every fault is reported at once', () => {
    const faulty = options({
      name: 'Ä',
      hypervisors: 1,
      vms: [
        ['vm1', 'vm1'],
        ['underlay', 'much-too-long-a-name'],
      ],
    })
    expect(() => labSpec(faulty)).toThrow(UsageError)
    const lines = (() => {
      try {
        return labSpec(faulty)
      } catch (error) {
        return (error as Error).message.split('\n')
      }
    })()
    expect(lines).toHaveLength(6)
  })
})

describe('names of a lab', () => {
  test('a link fits into the 15 characters of the kernel, and differs between labs', () => {
    expect(`${linkPrefix('a'.repeat(31))}h16`.length).toBeLessThanOrEqual(15)
    expect(linkPrefix('one')).not.toBe(linkPrefix('two'))
    expect(labTag('one')).toMatch(/^[a-z0-9]{5}$/)
  })

  test('a MAC address is unicast and of its own for each purpose', () => {
    const mac = macAddress('lab', 'vm1 eth0', '52:54:00')
    expect(mac).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/)
    expect(macAddress('lab', 'vm1 eth1', '52:54:00')).not.toBe(mac)
    expect(macAddress('other', 'vm1 eth0', '52:54:00')).not.toBe(mac)
    expect(Number.parseInt(macAddress('lab', 'x').slice(0, 2), 16) & 3).toBe(2)
  })
})

test.each([
  ['198.18.7.0/24', true],
  ['198.18.0.0/15', true],
  ['198.18.7.128/25', true],
  ['198.18.7.3/32', true],
  ['198.18.6.0/24', false],
  ['10.0.0.0/8', false],
])('a route to %s overlaps 198.18.7.0/24: %s', (route, expected) => {
  expect(overlaps('198.18.7', ipaddr.IPv4.parseCIDR(route))).toBe(expected)
})

test('only a locked root account is unlocked, and without a password', () => {
  expect(unlockRoot('root:!*:1:0:::::\ndaemon:!:1:::::')).toBe('root:*:1:0:::::\ndaemon:!:1:::::')
  expect(unlockRoot('root:$y$hash:1:::::')).toBe('root:$y$hash:1:::::')
})

test('the units that a package would start at boot are known by its files', () => {
  const files = ['/lib/systemd/system/docker.service', '/lib/systemd/system/docker.socket', '/lib/x@.service']
  const template = '/usr/lib/systemd/system/ssh@.service'
  expect(unitsOf([...files, template, '/etc/systemd/system/a.d/b.conf'].join('\n'))).toEqual([
    'docker.service',
    'docker.socket',
  ])
})
