/**
 * The test names of the suite that this replaces (dpservice, `test/benchmark_test/test_vm2vm.py` and `test_nfs.py`), so that
 * `-t test_nat_cross_machine` still finds what it found. They only choose tests; every report has the new name.
 */

/** Old name → new name. */
export const classicNames: Readonly<Record<string, string>> = {
  test_same_hypervisor_ipv4: 'IPv4 on one hypervisor',
  test_same_hypervisor_ipv6: 'IPv6 on one hypervisor',
  test_cross_hypervisor_ipv4: 'IPv4 between hypervisors',
  test_cross_hypervisor_ipv6: 'IPv6 between hypervisors',
  test_nat_cross_machine: 'NAT, 1 flow',
  test_loadbalancer_cross_machine: 'load balancer, 1 backend',
}

/**
 * The pattern of `-t`, which then also matches the tests whose old name it matches. A pattern without `test_` means no old
 * name. One pattern matches a test once, however many names of it were meant.
 */
export function withClassicNames(pattern: RegExp): RegExp {
  if (!pattern.source.includes('test_')) return pattern
  const meant = Object.entries(classicNames).flatMap(([old, name]) => (pattern.test(old) ? [name] : []))
  if (meant.length === 0) return pattern
  // Vitest's name of a test begins with those of its groups; our names hold nothing that is special in a pattern
  return new RegExp(`${pattern.source}|(?:^| )(?:${meant.join('|')})$`, pattern.flags)
}
