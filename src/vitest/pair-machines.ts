/** Machines of a config, or the controller, as pairs of programs take them. */
import { userInfo } from 'node:os'
import type { BenchConfig } from '../config/index.ts'
import { UsageError } from '../core/errors.ts'
import type { Journal } from '../core/journal.ts'
import { shell } from '../core/shell-quote.ts'
import { controller } from '../core/steps.ts'
import { suggest } from '../core/suggest.ts'
import { recordWorkFolder } from '../environment/work-folders.ts'
import { guestLinks, hasAddress } from '../machine/guest-network.ts'
import { VirtualMachine } from '../machine/virtual-machine.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import { type Side, sides } from '../pairs/group.ts'
import type { PairMachine } from '../pairs/machines.ts'
import type { GroupOptions } from '../pairs/open-group.ts'
import { LastingConnection } from '../machine/lasting-connection.ts'
import { LocalHost } from '../transport/local-host.ts'

/** `undefined`: the controller. */
export type Connected = VirtualMachine | Hypervisor | undefined

/**
 * @param names by the side that the machine is for; `controller` is the machine that this runs on
 * @throws UsageError for each name that the config has not
 */
export function requirePairMachines(config: BenchConfig, names: Readonly<Record<Side, string>>): void {
  const known = config.hypervisors.flatMap((each) => [each.name, ...each.vms.map((vm) => vm.name)])
  const all = [...known.toSorted(), controller]
  const faults = sides.flatMap((side) => {
    const name = names[side]
    if (all.includes(name)) return []
    const near = suggest(name, all)
    return [
      `--${side}: the config has no machine ${name}${near ? `: did you mean ${near}?` : `; it has ${all.join(', ')}`}`,
    ]
  })
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
}

/** Both machines, each with the address where the other one reaches it. @throws CommandError, ConnectionError */
export async function pairMachines(
  config: BenchConfig | undefined,
  connected: Readonly<Record<Side, Connected>>,
  remoteAddress?: string,
): Promise<Record<Side, PairMachine>> {
  const { local, remote } = connected
  return {
    local: await pairMachine(config, local, remote),
    remote: await pairMachine(config, remote, local, remoteAddress),
  }
}

async function pairMachine(
  config: BenchConfig | undefined,
  machine: Connected,
  other: Connected,
  given?: string,
): Promise<PairMachine> {
  if (!machine) {
    const address = given ?? (await controllerAddress(other))
    return { name: controller, address, user: userInfo().username, port: 22, ssh: new LocalHost(controller) }
  }
  const { name } = machine
  const { user, port } = machine.ssh.address
  const ssh = machine instanceof VirtualMachine ? new LastingConnection(machine) : machine.ssh
  return { name, user, port, address: given ?? (await addressOf(config, machine)), ssh }
}

/** A VM's in the overlay, when a data plane has given it that; else where the config has the machine. */
async function addressOf(
  config: BenchConfig | undefined,
  machine: VirtualMachine | Hypervisor,
): Promise<string> {
  if (machine instanceof VirtualMachine) {
    const overlay = machine.overlayAddress('ipv4')
    const links = await guestLinks(machine.ssh)
    if (links.some((link) => hasAddress(link, overlay))) return overlay
  }
  const known = config?.hypervisors
    .flatMap((each) => [each, ...each.vms])
    .find((each) => each.name === machine.name)
  return known?.address ?? machine.ssh.address.address
}

/** As the other machine, or the hypervisor before it, sees it. */
async function controllerAddress(other: Connected): Promise<string> {
  if (!other) return '127.0.0.1'
  const host = other instanceof VirtualMachine ? other.hypervisor : other
  const { stdout } = await host.ssh.run(shell(`printf %s "\${SSH_CONNECTION%% *}"`), { sudo: false })
  return stdout || '127.0.0.1'
}

/** Writes the folders of both sides into the journal. */
export function journalFolders(
  journal: Journal,
  runId: string,
  config: BenchConfig | undefined,
  connected: Readonly<Record<Side, Connected>>,
): GroupOptions['journal'] {
  return (side, folder) => {
    const machine = connected[side]
    if (!machine || !config) return recordWorkFolder(journal, runId, folder, undefined)
    return recordWorkFolder(journal, runId, folder, { config, name: machine.name })
  }
}
