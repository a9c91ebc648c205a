/**
 * The cable of a VM's data NIC. A NIC that libvirt emulates is plugged out in the running domain; of a VF the link is
 * disabled at its physical function, which is where a NIC's firmware takes it; a guest that is no domain has a port of its own
 * in the bridge that the config names, and that port goes down.
 */
import { z } from 'zod'
import { MachineError } from '../core/errors.ts'
import type { Undo } from '../core/journal.ts'
import { shell } from '../core/shell-quote.ts'
import { toolJson } from '../core/tool-output.ts'
import type { RemoteHost } from '../transport/host.ts'
import { Virsh } from '../transport/libvirt/virsh.ts'
import { journalHost, journalHostSchema } from '../transport/ssh/address.ts'
import type { Hypervisor } from './hypervisor.ts'
import { type DomainOwner, isRunning, ownDomain } from './own-domain.ts'
import type { PutBacks, RecordChange } from './put-back.ts'

/** A VM as its cable needs it. */
export interface CabledMachine extends DomainOwner {
  readonly data: {
    readonly managementMac?: string | undefined
    /** The bridge of the data NIC, and the data plane's own port in it. */
    readonly bridge?: string | undefined
    readonly netdev?: string | undefined
  }
  readonly putBacks: PutBacks
  readonly recordChange: RecordChange
  /** Waits until the data NIC has again what it had. */
  afterUnblock(): Promise<void>
}

/** A cable by what it is plugged out and in with. Plain data: it goes into the journal. */
const cableSchema = z.union([
  z.object({ by: z.literal('domain'), macAddress: z.string() }),
  z.object({ by: z.literal('vf'), device: z.string(), vf: z.number(), state: z.string() }),
  z.object({ by: z.literal('port'), device: z.string() }),
])
export type Cable = z.infer<typeof cableSchema>

const putBackKey = 'link'

export class DataLink {
  private readonly vm: CabledMachine
  private record: { done(): Promise<void> } | undefined
  private unplugged: readonly Cable[] = []

  constructor(vm: CabledMachine) {
    this.vm = vm
  }

  get blocked(): boolean {
    return this.unplugged.length > 0
  }

  async block(): Promise<void> {
    const { vm } = this
    const cables = await this.cables()
    if (this.record === undefined) {
      this.record = await vm.recordChange(`${vm.name}: the link of its data NIC`, linkUndo(vm, cables))
      this.unplugged = cables
    }
    vm.putBacks.add(putBackKey, () => this.unblock())
    for (const cable of this.unplugged) await plug(vm.hypervisor.ssh, vm.name, cable, 'out')
  }

  async unblock(): Promise<void> {
    const { vm } = this
    const cables = this.blocked ? this.unplugged : await this.cables()
    const running = !cables.some(({ by }) => by === 'domain') || (await isRunning(vm))
    for (const cable of cables)
      if (running || cable.by !== 'domain') await plug(vm.hypervisor.ssh, vm.name, cable, 'in')
    const was = this.blocked
    this.unplugged = []
    vm.putBacks.drop(putBackKey)
    await this.record?.done()
    this.record = undefined
    if (was && running) await vm.afterUnblock()
  }

  private async cables(): Promise<Cable[]> {
    const { vm } = this
    const domain = await ownDomain(vm)
    if (!domain) return [await portOf(vm)]
    if (!(await isRunning(vm)))
      throw new MachineError(`${vm.name} is shut off: start it before its link is changed`)
    const functions = await virtualFunctions(vm.hypervisor.ssh, domain.hostDevices)
    const { managementMac } = vm.data
    const others = domain.macAddresses.filter((mac) => mac !== managementMac?.toLowerCase())
    const emulated = others.map((macAddress): Cable => ({ by: 'domain', macAddress }))
    if (functions.length > 0 && managementMac === undefined) return functions
    if (managementMac === undefined)
      throw new MachineError(
        `which NIC of ${vm.name} is its data NIC is not known, as the config has no mac_address of its management NIC`,
      )
    if (functions.length + emulated.length > 0) return [...functions, ...emulated]
    throw new MachineError(
      `${vm.name} has no NIC beside its management NIC, so there is nothing to be blocked`,
    )
  }
}

/** libvirt's, iproute2's and the kernel's way; each may be done again. */
async function plug(host: RemoteHost, domain: string, cable: Cable, way: 'in' | 'out'): Promise<void> {
  if (cable.by === 'domain')
    return new Virsh(host).setLink(domain, cable.macAddress, way === 'in' ? 'up' : 'down')
  const { device } = cable
  if (cable.by === 'port')
    return void (await host.run(['ip', 'link', 'set', 'dev', device, way === 'in' ? 'up' : 'down']))
  const state = way === 'in' ? cable.state : 'disable'
  await host.run(['ip', 'link', 'set', 'dev', device, 'vf', String(cable.vf), 'state', state])
}

/**
 * For each address that is a VF: the netdev of its physical function, and its number there. A physical function in switchdev
 * mode has the representors' netdevs beside its own, whose port names are `pf0vf2`: its own is `p0`, or has none.
 */
const functionScript = `for address; do
  device=/sys/bus/pci/devices/$address
  [ -e "$device/physfn" ] || continue
  number=
  for one in "$device/physfn"/virtfn*; do
    [ "$(readlink -f "$one")" = "$(readlink -f "$device")" ] && number=\${one##*/virtfn}
  done
  for net in "$device/physfn/net"/*; do
    port=; { read -r port < "$net/phys_port_name"; } 2>/dev/null
    case $port in ''|p[0-9]|p[0-9][0-9]) echo "$address \${net##*/} $number"; break ;; esac
  done
done`

async function virtualFunctions(host: RemoteHost, addresses: readonly string[]): Promise<Cable[]> {
  if (addresses.length === 0) return []
  const { stdout } = await host.run(shell(functionScript, ...addresses))
  const found = stdout.split('\n').filter(Boolean)
  const cables: Cable[] = []
  for (const line of found) {
    const [address = '', device = '', number = ''] = line.split(' ')
    const vf = Number(number)
    if (number === '')
      throw new MachineError(`${host.name}: ${device} does not list the VF ${address} as one of its own`)
    cables.push({ by: 'vf', device, vf, state: await vfState(host, device, vf) })
  }
  return cables
}

const vfListSchema = z.tuple([
  z.object({
    vfinfo_list: z.array(z.object({ vf: z.number(), link_state: z.string() }).loose()).default([]),
  }),
])

/** `auto` or `enable`, to be put back; one that is disabled already, by a run that was killed, is `auto` for us. */
async function vfState(host: RemoteHost, device: string, vf: number): Promise<string> {
  const { stdout } = await host.run(['ip', '-json', 'link', 'show', 'dev', device])
  const [{ vfinfo_list: list }] = toolJson(vfListSchema, stdout, `${host.name}: ip -json link`)
  const state = list.find((each) => each.vf === vf)?.link_state
  return state === undefined || state === 'disable' ? 'auto' : state
}

const portsSchema = z.array(z.object({ ifname: z.string() }).loose())

async function portOf({ name, hypervisor, data }: CabledMachine): Promise<Cable> {
  const { bridge, netdev } = data
  const why = `${name} is no libvirt domain on ${hypervisor.name}`
  if (bridge === undefined)
    throw new MachineError(
      `${why}, and the config names no bridge of its own for it: its link cannot be changed`,
    )
  const { stdout } = await hypervisor.ssh.run(['ip', '-json', 'link', 'show', 'master', bridge])
  const ports = toolJson(portsSchema, stdout.trim() || '[]', `${hypervisor.name}: ip -json link`)
    .map(({ ifname }) => ifname)
    .filter((port) => port !== netdev)
  const [device] = ports
  if (device !== undefined && ports.length === 1) return { by: 'port', device }
  const seen = ports.length === 0 ? 'no port' : `the ports ${ports.join(', ')}`
  throw new MachineError(
    `${why}, and its bridge ${bridge} has ${seen} beside the data plane's: its link cannot be told`,
  )
}

const undoSchema = z.object({ guest: journalHostSchema, cables: z.array(cableSchema) })

export const linkUndoKind = 'link'

function linkUndo({ address }: CabledMachine, cables: readonly Cable[]): Undo {
  return {
    kind: linkUndoKind,
    guest: { ...journalHost(address) },
    cables: cables.map((cable) => ({ ...cable })),
  }
}

/** Plugs in what a killed run left unplugged. A domain that was started since has its cables in. */
export async function undoLink(hypervisor: Hypervisor, data: unknown): Promise<string | void> {
  const { guest, cables } = undoSchema.parse(data)
  const domain = guest.name
  const owner: DomainOwner = { name: domain, hypervisor, address: guest }
  for (const cable of cables) {
    if (cable.by === 'port' && !(await isThere(hypervisor.ssh, cable.device)))
      return `${cable.device} of ${domain} is gone from ${hypervisor.name}`
    if (cable.by === 'domain') {
      const found = await ownDomain(owner).catch((error: unknown) => {
        if (error instanceof MachineError) return undefined
        throw error
      })
      if (!found) return `the domain ${domain} is not ours any more, and stays as it is`
      if (!(await isRunning(owner))) continue
    }
    await plug(hypervisor.ssh, domain, cable, 'in')
  }
}

async function isThere(host: RemoteHost, device: string): Promise<boolean> {
  return (await host.tryRun(shell('[ -e "/sys/class/net/$1" ]', device))).exitCode === 0
}
