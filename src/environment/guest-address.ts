/** Changes in a guest, in the journal before they are made; here, an address of its own for the time of a test. */
import { shell } from '../core/shell-quote.ts'
import type { UndoLog } from '../dataplane/dataplane.ts'
import { bootId } from '../machine/guest-network.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { journalHost } from './addresses.ts'

/** Written before a guest is changed. A guest that was rebooted since has forgotten the change, hence `boot`. */
export function recordGuestUndo(
  undoLog: UndoLog,
  vm: VirtualMachine,
  what: string,
  commands: readonly (readonly string[])[],
  boot: string,
): Promise<{ done(): Promise<void> }> {
  const undo = { kind: 'guest', guest: { ...journalHost(vm.ssh.address) }, bootId: boot, commands }
  return undoLog.record({ hypervisor: vm.hypervisor.name, what, undo })
}

/**
 * Gives the guest `address` (with its prefix length) on its loopback interface and returns the undo, which may be called
 * more than once. An address that is there already is not ours, and stays.
 * @throws CommandError
 */
export async function addLoopbackAddress(
  undoLog: UndoLog,
  vm: VirtualMachine,
  address: string,
): Promise<() => Promise<void>> {
  const { stdout } = await vm.ssh.run(['ip', '-o', 'address', 'show', 'dev', 'lo', 'to', address])
  if (stdout.trim() !== '') return async () => undefined
  const remove = removeAddress(address)
  const record = await recordGuestUndo(
    undoLog,
    vm,
    `${vm.name}: the address ${address} on lo`,
    [remove],
    await bootId(vm.ssh),
  )
  await vm.ssh.run(['ip', 'address', 'add', address, 'dev', 'lo'])
  return async () => {
    await vm.ssh.run(remove)
    await record.done()
  }
}

/** Succeeds when it is gone already. */
function removeAddress(address: string): string[] {
  return shell('[ -z "$(ip -o address show dev lo to "$1")" ] || ip address del "$1" dev lo', address)
}
