/**
 * Guests whose data NICs are not leased here, as there is no data plane or an earlier run's: whoever owns the network gives
 * them the addresses of the config, and which NIC has one is looked up when traffic is about to go there.
 */
import { MeasurementError } from '../core/errors.ts'
import { guestLinks, hasAddress } from '../machine/guest-network.ts'
import type { PreparedGuest } from '../machine/guest-preparation.ts'
import { endMarkedProcesses } from '../machine/marked-processes.ts'
import { bootId } from '../machine/guest-network.ts'
import { together } from '../core/together.ts'
import type { UndoLog } from '../dataplane/dataplane.ts'
import type { Family, VirtualMachine } from '../machine/virtual-machine.ts'
import { recordGuestUndo } from './guest-address.ts'

/** @throws MeasurementError when no interface of the guest has its address of the config */
export async function trafficNic(vm: VirtualMachine, family: Family): Promise<PreparedGuest> {
  const address = vm.overlayAddress(family)
  const links = await guestLinks(vm.ssh)
  const found = links.find((link) => hasAddress(link, address))
  if (found) return { interface: found.ifname, mtu: found.mtu }
  const there = links.flatMap(({ ifname, addr_info: addresses }) =>
    addresses.flatMap(({ local }) => (local === undefined ? [] : [`${ifname} ${local}`])),
  )
  throw new MeasurementError(
    `${vm.name} does not have ${address}, its "${family}" in the config, on any interface (${there.join(', ') || 'none has an address'}): ` +
      'the data plane, or with "dataplane": "none" the suite or whoever owns the network, gives it before traffic is sent',
  )
}

/** Traffic tools that a killed run leaves in the guests are ended by whoever puts back what it left. */
export async function recordProcesses(
  vms: Iterable<VirtualMachine>,
  undoLog: UndoLog,
  runId: string,
): Promise<void> {
  await together(
    [...vms].map(async (vm) => {
      const commands = [endMarkedProcesses(runId)]
      await recordGuestUndo(undoLog, vm, `${vm.name}: processes of the run`, commands, await bootId(vm.ssh))
    }),
  )
}
