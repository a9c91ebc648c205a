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

  test('is the same after a VM was off and on, whose taps got other numbers; one more tap is a difference', () => {
    const before = state(
      '== link\nvnet2: <UP> master virbr0\n== setting\n/proc/sys/net/ipv6/conf/vnet2/disable_ipv6:0\n',
    )
    const after = state(
      '== link\nvnet4: <UP> master virbr0\n== setting\n/proc/sys/net/ipv6/conf/vnet4/disable_ipv6:0\n',
    )
    expect(differences(before, after)).toEqual([])
    const more = state('== link\nvnet4: <UP> master virbr0\nvnet5: <UP> master virbr0\n')
    expect(differences(before, more)).toContainEqual({
      kind: 'link',
      change: 'added',
      line: 'vnet#: <UP> master virbr0',
    })
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
