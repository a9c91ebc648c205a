import { describe, expect, test } from 'vitest'
import { LocalHost } from '../../src/transport/local-host.ts'
import { describeDifferences } from '../../src/environment/leaks.ts'
import { differences, parseMachineState, readMachineState } from '../../src/environment/machine-state.ts'

const state = (text: string) => parseMachineState(text.replaceAll('== ', '\u0001'))

describe('the state of a machine', () => {
  test('differs by what came and what went, each as often as it is there', () => {
    const before = state('== route\na\nb\nb\n== file\n/tmp/x\n')
    const after = state('== route\na\nb\nc\nc\n== file\n== process\nsleep 9\n')
    const found = differences(before, after)
    expect(found).toEqual([
      { kind: 'route', change: 'added', line: 'c' },
      { kind: 'route', change: 'added', line: 'c' },
      { kind: 'route', change: 'gone', line: 'b' },
      { kind: 'file', change: 'gone', line: '/tmp/x' },
      { kind: 'process', change: 'added', line: 'sleep 9' },
    ])
    expect(differences(before, before)).toEqual([])
    expect(describeDifferences(found)).toBe(
      'route added: c, c; route gone: b; file gone: /tmp/x; process added: sleep 9',
    )
  })

  test('is told in few words when much of one kind differs', () => {
    const found = differences(state(''), state('== file\n1\n2\n3\n4\n5\n'))
    expect(describeDifferences(found)).toBe('file added: 1, 2, 3 and 2 more')
  })

  test('is the same whichever VMs are on: their taps are libvirt’s', () => {
    const before = state(
      '== link\nbr-vm1: <BROADCAST,UP>\nvnet2: <UP> master virbr0\n== setting\n/proc/sys/net/ipv6/conf/vnet2/disable_ipv6:0\n',
    )
    const after = state('== link\nbr-vm1: <BROADCAST,UP>\nvnet4: <UP> master br-vm1\n== setting\n')
    expect(differences(before, after)).toEqual([])
    expect(differences(before, state('== link\nvnets1: <UP>\n'))).toEqual([
      { kind: 'link', change: 'added', line: 'vnets1: <UP>' },
      { kind: 'link', change: 'gone', line: 'br-vm1: <BROADCAST,UP>' },
    ])
  })

  test('a tap by its name alone is none of libvirt’s: files and processes of that name count', () => {
    const after = state('== file\n/tmp/vnet0\n== process\ntcpdump -i vnet0\n')
    expect(differences(state('== file\n== process\n'), after)).toHaveLength(2)
  })

  test('of what a daemon did not answer nothing is told; of all else it is', () => {
    const whole = '== container\nx 1\n== domain\nvm1\n'
    expect(differences(state(whole), state('== container\n?\n== domain\n'))).toEqual([
      { kind: 'domain', change: 'gone', line: 'vm1' },
    ])
    expect(differences(state('== container\n?\n== domain\nvm1\n'), state(whole))).toEqual([])
  })

  test('may lose a lease, and no more than that; a lease that came is a difference', () => {
    const without =
      '== address\neth1 inet 10.77.0.1/24 scope global eth1\n== route\ndefault via 10.77.0.254 dev eth1\n'
    const leased = without
      .replace('== route\n', 'eth1 inet 10.200.1.4/32 metric 1024 scope global eth1\n== route\n')
      .concat(
        'default via 169.254.0.1 dev eth1 proto dhcp src 10.200.1.4 metric 1024\n',
        'local 10.200.1.4 dev eth1 table local proto kernel scope host src 10.200.1.4\n',
      )
    expect(differences(state(leased), state(without))).toEqual([])
    expect(differences(state(without), state(leased))).toHaveLength(3)
    expect(differences(state(leased), state('== address\n== route\n'))).toEqual([
      { kind: 'address', change: 'gone', line: 'eth1 inet 10.77.0.1/24 scope global eth1' },
      { kind: 'route', change: 'gone', line: 'default via 10.77.0.254 dev eth1' },
    ])
  })

  test('is read on a real machine, and is the same twice', async () => {
    const host = new LocalHost()
    const [first, second] = [await readMachineState(host, 'x'), await readMachineState(host, 'x')]
    expect(first.get('link')).toContainEqual(expect.stringMatching(/^lo: <LOOPBACK/))
    expect(first.get('setting')).toContainEqual(expect.stringMatching(/^net\.ipv4\.ip_forward = /))
    expect([...second.keys()]).toEqual([...first.keys()])
    expect(first.get('policy rule')).toEqual(second.get('policy rule'))
  })
})
