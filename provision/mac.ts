/** MAC addresses of a VM: the same at each provisioning, so that its lease is, and no one else's on the hypervisor. */
import { createHash } from 'node:crypto'
import { ProvisionError } from '../src/core/errors.ts'

const attempts = 16

/**
 * The first address of the sequence that `environment`, `vm` and `nic` give that nobody else has. The bits that make an
 * address locally administered and unicast are those of 52:54, which QEMU uses.
 * @param taken lower case; of everybody else on the hypervisor.
 * @param own of this VM when it is there already: what it has, it keeps.
 */
export function chooseMac(
  environment: string,
  vm: string,
  nic: 'management' | 'data',
  taken: ReadonlySet<string>,
  own: readonly string[] = [],
): string {
  const sequence = Array.from({ length: attempts }, (_, attempt) => {
    const digest = createHash('sha256')
      .update(JSON.stringify([environment, vm, nic, attempt]))
      .digest()
    return ['52', '54', ...[...digest.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0'))].join(
      ':',
    )
  })
  const chosen = sequence.find((mac) => own.includes(mac)) ?? sequence.find((mac) => !taken.has(mac))
  if (chosen === undefined) {
    throw new ProvisionError(
      `${vm}: each of ${attempts} MAC addresses is in use on its hypervisor; rename the VM`,
    )
  }
  return chosen
}
