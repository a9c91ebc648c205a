/** What others have put on the data NIC of a guest, as the commands that put it there again. */
import { expect, test } from 'vitest'
import type { GuestLink } from '../../src/machine/guest-network.ts'
import { othersOnLink } from '../../src/machine/others-on-link.ts'

const link = (addresses: GuestLink['addr_info']): GuestLink => ({
  ifname: 'eth1',
  link_type: 'ether',
  mtu: 1500,
  flags: ['UP'],
  addr_info: addresses,
})

test('addresses that are no lease and no link-local ones, with their flags', () => {
  const { commands } = othersOnLink(
    link([
      {
        family: 'inet',
        local: '10.77.0.1',
        prefixlen: 24,
        scope: 'global',
        broadcast: '10.77.0.255',
        label: 'eth1:1',
      },
      { family: 'inet', local: '10.200.1.4', prefixlen: 32, scope: 'global', dynamic: true, label: 'eth1' },
      { family: 'inet6', local: 'fd77::1', prefixlen: 64, scope: 'global', nodad: true },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
    ]),
    { '-4': '', '-6': '' },
  )
  expect(commands.map((words) => words.join(' '))).toEqual([
    'ip address replace 10.77.0.1/24 dev eth1 broadcast 10.77.0.255 label eth1:1',
    'ip address replace fd77::1/64 dev eth1 nodad',
  ])
})

test('routes over the NIC that somebody made; the kernel, routers and leases make theirs again', () => {
  const { commands, defaults } = othersOnLink(link([]), {
    '-4': [
      'default via 10.77.0.254 dev eth1 proto static',
      'default via 192.168.122.1 dev eth0',
      '10.78.0.0/16 via 10.77.0.2 dev eth1 linkdown',
      '10.79.0.0/16 dev eth1 table 77 scope link',
      '10.77.0.0/24 dev eth1 proto kernel scope link src 10.77.0.1',
      '10.80.0.0/16 via 10.200.1.1 dev eth1 proto dhcp metric 1024',
      'local 10.77.0.1 dev eth1 table local proto kernel scope host src 10.77.0.1',
    ].join('\n'),
    '-6': [
      'fd78::/64 via fd77::2 dev eth1 metric 77 expires 300sec pref medium',
      'fe80::/64 dev eth1 proto kernel metric 256 pref medium',
      'default via fe80::1 dev eth1 proto ra metric 1024 expires 100sec',
      'multicast ff00::/8 dev eth1 table local proto kernel metric 256 pref medium',
    ].join('\n'),
  })
  // the way to each gateway is there while its route is made
  expect(commands.map((words) => words.join(' '))).toEqual([
    'ip -4 route replace 10.77.0.2 dev eth1 metric 4294967294',
    'ip -4 route replace 10.78.0.0/16 via 10.77.0.2 dev eth1',
    'ip -4 route del 10.77.0.2 dev eth1 metric 4294967294',
    'ip -4 route replace 10.79.0.0/16 dev eth1 table 77 scope link',
    'ip -6 route replace fd77::2 dev eth1 metric 4294967294',
    'ip -6 route replace fd78::/64 via fd77::2 dev eth1 metric 77 pref medium',
    'ip -6 route del fd77::2 dev eth1 metric 4294967294',
  ])
  expect(defaults.map((words) => words.join(' '))).toEqual([
    'ip -4 route replace 10.77.0.254 dev eth1 metric 4294967294',
    'ip -4 route replace default via 10.77.0.254 dev eth1 proto static',
    'ip -4 route del 10.77.0.254 dev eth1 metric 4294967294',
  ])
})

test('a lease without an end is a lease: who gave it gives it again', () => {
  const { commands, defaults } = othersOnLink(
    link([
      { family: 'inet', local: '10.200.1.4', prefixlen: 32, scope: 'global', label: 'eth1' },
      { family: 'inet', local: '10.77.0.1', prefixlen: 24, scope: 'global', label: 'eth1' },
    ]),
    {
      '-4': [
        'default via 169.254.0.1 dev eth1 proto dhcp src 10.200.1.4 metric 1024',
        '169.254.0.0/16 dev eth1 proto dhcp scope link src 10.200.1.4 metric 1024',
      ].join('\n'),
      '-6': '',
    },
  )
  expect([...commands, ...defaults].map((words) => words.join(' '))).toEqual([
    'ip address replace 10.77.0.1/24 dev eth1',
  ])
})
