/**
 * What the lab's config expects of softplane, in Gbit/s: far below what was measured on a machine with two cores and
 * other work on it (emulated guests 0.12 to 0.5, namespaces 2 to 13), so that a miss says that something is broken, and
 * nothing about dpservice.
 */
import type { GuestKind } from './options.ts'

interface Expected {
  readonly local_vm2vm: number
  readonly remote_vm2vm: number
  readonly nat: number
  readonly lb: number
}

const same = (gigabitsPerSecond: number): Expected => ({
  local_vm2vm: gigabitsPerSecond,
  remote_vm2vm: gigabitsPerSecond,
  nat: gigabitsPerSecond,
  lb: gigabitsPerSecond,
})

/** `sw` is the non-offload mode, `hw` the offload mode. An emulated CPU bounds `qemu`. */
export const expectedThroughput: Record<GuestKind, { readonly sw: Expected; readonly hw: Expected }> = {
  qemu: { sw: same(0.03), hw: same(0.05) },
  namespace: { sw: same(0.5), hw: same(1.5) },
}

/**
 * Of dpservice in TAP mode, where there is no NIC to offload to: 0.52 Gbit/s on one hypervisor and 0.44 across were seen
 * between namespaces on two cores, which its polling threads had for themselves.
 */
export const dpserviceThroughput: typeof expectedThroughput = {
  qemu: { sw: same(0.01), hw: same(0.01) },
  namespace: { sw: same(0.1), hw: same(0.1) },
}
