import { describe, expect, test } from 'vitest'
import { classicNames, withClassicNames } from '../../src/vitest/classic-names.ts'

/** As Vitest names the tests of benchmark/: groups first. */
const tests = [
  'IPv4 IPv4 on one hypervisor',
  'IPv4 IPv4 between hypervisors',
  'IPv6 IPv6 on one hypervisor',
  'IPv6 IPv6 between hypervisors',
  'NAT, 1 flow',
  'NAT, concurrent flows',
  'load balancer, 1 backend',
  'load balancer, 2 backends',
]
const found = (pattern: string): string[] => {
  const wanted = withClassicNames(new RegExp(pattern))
  return tests.filter((name) => wanted.test(name))
}

describe('old names', () => {
  test.each([
    ['test_same_hypervisor_ipv4', 'IPv4 IPv4 on one hypervisor'],
    ['test_same_hypervisor_ipv6', 'IPv6 IPv6 on one hypervisor'],
    ['test_cross_hypervisor_ipv4', 'IPv4 IPv4 between hypervisors'],
    ['test_cross_hypervisor_ipv6', 'IPv6 IPv6 between hypervisors'],
    ['test_nat_cross_machine', 'NAT, 1 flow'],
    ['test_loadbalancer_cross_machine', 'load balancer, 1 backend'],
  ])('%s finds its successor alone', (old, name) => {
    expect(found(old)).toEqual([name])
  })

  test('part of a name, and several at once', () => {
    expect(found('test_cross_hypervisor')).toEqual([
      'IPv4 IPv4 between hypervisors',
      'IPv6 IPv6 between hypervisors',
    ])
    expect(found('^test_nat_cross_machine$|one hypervisor')).toEqual([tests[0], tests[2], tests[4]])
  })

  test('other patterns stay as they are', () => {
    for (const pattern of [/IPv4/, /ipv4/, /test_unknown/]) expect(withClassicNames(pattern)).toBe(pattern)
  })

  test('a test of that name is found too', () => {
    expect(withClassicNames(/test_nat_cross_machine/i).test('my test_nat_cross_machine')).toBe(true)
  })

  test('there are six', () => {
    expect(Object.keys(classicNames)).toHaveLength(6)
  })
})
