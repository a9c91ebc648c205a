/** What a guest told of itself, and what is said of two looks at it. */
import { describe, expect, test } from 'vitest'
import { parseGuestState } from '../../src/machine/guest-state.ts'
import { type Identities, changes } from '../../src/vitest/identities.ts'

const boot = '0f9c1f0a-3c57-4f1e-a0f2-3b1c2d4e5f60'
const text = `${boot}
carrier 1 4
3: eth1    inet 10.200.1.1/32 scope global eth1\\       valid_lft forever preferred_lft forever
3: eth1    inet6 fd00::1/128 scope global \\       valid_lft forever preferred_lft forever
3: eth1    inet6 fe80::42/64 scope link \\       valid_lft forever preferred_lft forever
`

describe('a look', () => {
  test('tells the boot, the carrier and the addresses that stay', () => {
    expect(parseGuestState('vm1', text, 'eth1')).toEqual({
      boot,
      nic: { name: 'eth1', up: true, carrierChanges: 4, addresses: ['10.200.1.1', 'fd00::1'] },
    })
  })

  test('without a NIC, with one that is set down, of a kernel that counts nothing', () => {
    expect(parseGuestState('vm1', `${boot}\n`, 'eth1')).toEqual({ boot, nic: undefined })
    expect(parseGuestState('vm1', `${boot}\ncarrier  7\n`, 'eth1').nic).toMatchObject({
      up: false,
      carrierChanges: 7,
    })
    expect(parseGuestState('vm1', `${boot}\ncarrier 1 \n`, 'eth1').nic?.carrierChanges).toBeUndefined()
  })

  test('of a guest that tells no boot id is a fault', () => {
    expect(() => parseGuestState('vm1', 'cat: no such file', 'eth1')).toThrow(/^vm1 told no boot id: cat/)
  })
})

describe('two looks', () => {
  const nic = { name: 'eth1', up: true, carrierChanges: 4, addresses: ['10.200.1.1', 'fd00::1'] }
  const look = (more: Partial<typeof nic> = {}, other = boot, dataplane = 'up'): Identities => ({
    dataplane,
    guests: new Map([['vm1', { boot: other, nic: { ...nic, ...more } }]]),
  })
  const told = (after: Identities): string[] => {
    const { restarts, disturbances } = changes(look(), after, () => ['10.200.1.1', 'fd00::1'])
    return [
      ...restarts.map(({ machine, what }) => `${what} on ${machine}`),
      ...disturbances.map(({ machine, detail }) => `${machine}: ${detail}`),
    ]
  }

  test('that are alike tell nothing; an address that the config does not have is nobody’s business', () => {
    expect(told(look())).toEqual([])
    expect(told(look({ addresses: [...nic.addresses, 'fd00::77'] }))).toEqual([])
  })

  test('a link that went and came, and one that stayed away', () => {
    expect(told(look({ carrierChanges: 6 }))).toEqual([
      'vm1: the link of its data NIC eth1 went down and up while it was measured',
    ])
    expect(told(look({ carrierChanges: 5, up: false }))).toEqual([
      'vm1: the link of its data NIC eth1 went down while it was measured, and is still down',
    ])
  })

  test('a lease that changed', () => {
    expect(told(look({ addresses: ['10.200.1.9', 'fd00::1'] }))).toEqual([
      'vm1: its data NIC eth1 lost 10.200.1.1 while it was measured, and has 10.200.1.9, fd00::1 now: its lease changed',
    ])
    expect(told(look({ addresses: [] }))[0]).toContain(
      'lost 10.200.1.1 and fd00::1 while it was measured, and has no address',
    )
  })

  test('a guest that rebooted is that alone; the data plane that was started anew', () => {
    expect(told(look({ carrierChanges: 1 }, '11111111-3c57-4f1e-a0f2-3b1c2d4e5f60', 'up again'))).toEqual([
      'dpservice on the data plane',
      'guest on vm1',
    ])
  })
})
