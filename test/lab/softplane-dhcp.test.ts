/** What softplane answers to a guest's DHCP messages, byte by byte. */
import { describe, expect, test } from 'vitest'
import { answerDhcp4 } from '../../lab/softplane/image/guest/dhcp4.ts'
import { answerDhcp6 } from '../../lab/softplane/image/guest/dhcp6.ts'

describe('DHCP', () => {
  const discover = Buffer.alloc(240)
  discover.set([1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef])
  discover.set([0x63, 0x82, 0x53, 0x63], 236)
  const lease4 = { address: '10.0.0.7', mtu: 1450, hostname: '', dns: ['1.1.1.1'] }
  const ask4 = (type: number): Buffer | undefined =>
    answerDhcp4(Buffer.concat([discover, Buffer.from([53, 1, type, 255])]), lease4)

  test('version 4: a DISCOVER gets an OFFER of the one address with the routes and the MTU', () => {
    const offer = ask4(1)?.toString('hex') ?? ''
    expect(offer.slice(0, 16)).toBe('02010600deadbeef')
    expect(offer.slice(32, 40)).toBe('0a000007')
    const routes = '10a9fe0000000000a9fe0001'
    for (const option of [
      '350102',
      '3304ffffffff',
      '3604a9fe0001',
      `790c${routes}`,
      '0104ffffffff',
      '1a0205aa',
    ]) {
      expect(offer).toContain(option)
    }
    expect(ask4(3)?.toString('hex')).toContain('350105')
    expect(ask4(7)).toBeUndefined()
    expect(answerDhcp4(Buffer.alloc(20), lease4)).toBeUndefined()
  })

  const lease6 = { address: '2001:db8::7', mac: '22:00:00:00:00:12', dns: [] }
  const clientId = '0001000400010203'
  const association = '0003000caabbccdd' + '0'.repeat(16)
  const ask6 = (hex: string): string | undefined =>
    answerDhcp6(Buffer.from(hex, 'hex'), lease6)?.toString('hex')

  test('version 6: a SOLICIT gets an ADVERTISE with the one address in its own association', () => {
    const advertise = ask6(`01a1b2c3${clientId}${association}`)
    expect(advertise).toBe(
      `02a1b2c3${clientId}0002000a00030001220000000012` +
        `00030028aabbccddffffffffffffffff0005001820010db8000000000000000000000007ffffffffffffffff`,
    )
    expect(ask6(`01a1b2c3${clientId}${association}000e0000`)?.slice(0, 2)).toBe('07')
  })

  test('version 6: a CONFIRM is right or wrong about the link, and what is for another server gets no answer', () => {
    const confirm = (address: string): string | undefined =>
      ask6(`04a1b2c3${clientId}00030028aabbccdd${'0'.repeat(16)}00050018${address}${'0'.repeat(16)}`)
    expect(confirm('20010db8000000000000000000000007')).toContain('000d00020000')
    expect(confirm('20010db8000000000000000000000008')).toContain('000d00020004')
    expect(ask6(`03a1b2c3${clientId}0002000a00030001999999999999`)).toBeUndefined()
    expect(ask6('ff')).toBeUndefined()
  })
})
