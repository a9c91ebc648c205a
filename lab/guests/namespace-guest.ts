/** A guest without a virtual machine: namespaces inside a hypervisor's pid namespace, with sshd and two NICs. */
import { waitFor } from '../../src/core/wait.ts'
import { startSshd } from '../daemons/sshd.ts'
import { type GuestReservation, guestBlock, guestBridge } from '../daemons/libvirtd.ts'
import type { GuestDescription } from '../description.ts'
import { type NamespaceHost, runInHost } from '../namespaces/namespace-host.ts'
import { vmBridge } from '../network/fabric.ts'
import { ip, setNetworkParameters } from '../network/ip.ts'
import { labPaths } from '../paths.ts'
import { macAddress } from '../tag.ts'
import { startSshMachine } from './ssh-machine.ts'

const managementNic = 'eth0'
const dataNic = 'eth1'

/** The lease that libvirt's dnsmasq keeps for a guest. `index` counts the hypervisor's guests from 0. */
export function guestReservation(lab: string, name: string, index: number): GuestReservation {
  return { name, macAddress: nicAddress(lab, name, managementNic), address: `${guestBlock}.${11 + index}` }
}

function nicAddress(lab: string, guest: string, nic: string): string {
  return macAddress(lab, `${guest} ${nic}`, '52:54:00')
}

export interface StartedGuest {
  readonly host: NamespaceHost
  readonly hostKey: string
  readonly dataMacAddress: string
}

/** Starts the guest's namespaces and plugs its data NIC into its bridge: up, without an address. */
export async function startNamespaceGuest(
  hypervisor: NamespaceHost,
  name: string,
  signal: AbortSignal,
): Promise<StartedGuest> {
  const { lab } = hypervisor
  const paths = labPaths(lab)
  const folder = paths.guest(hypervisor.name, name)
  const { host, hostKey } = await startSshMachine({
    lab,
    name,
    folder,
    publicKeyFile: paths.publicKeyFile,
    parent: hypervisor,
    signal,
  })
  const dataMacAddress = nicAddress(lab, name, dataNic)
  const cable = { hypervisor, guest: host, signal }
  await plug({ ...cable, port: `d-${name}`, bridge: vmBridge(name), nic: dataNic, mac: dataMacAddress })
  return { host, hostKey, dataMacAddress }
}

/**
 * Plugs the management NIC into libvirt's default network, which must be active, takes its lease and starts sshd.
 * @throws WaitError, CommandError
 */
export async function connectNamespaceGuest(
  hypervisor: NamespaceHost,
  guest: StartedGuest,
  reservation: GuestReservation,
  signal: AbortSignal,
): Promise<GuestDescription> {
  const { host, hostKey, dataMacAddress } = guest
  const mac = reservation.macAddress
  const cable = { hypervisor, guest: host, signal }
  await plug({ ...cable, port: `m-${host.name}`, bridge: guestBridge, nic: managementNic, mac })
  const files = [
    '-pf',
    `/run/dhclient.${managementNic}.pid`,
    '-lf',
    `/var/lib/dhcp/dhclient.${managementNic}.leases`,
  ]
  await runInHost(host, ['mkdir', '-p', '/var/lib/dhcp'], { signal })
  await runInHost(host, ['dhclient', '-4', '-1', '-q', ...files, managementNic], {
    signal,
    timeoutMs: 30_000,
  })
  const address = await leasedAddress(host, signal)
  await startSshd(host, address, hostKey, signal, hypervisor)
  return { address, macAddress: mac, dataMacAddress, hostKey }
}

interface Cable {
  readonly hypervisor: NamespaceHost
  readonly guest: NamespaceHost
  /** The hypervisor's end. */
  readonly port: string
  readonly bridge: string
  /** The guest's end. */
  readonly nic: string
  readonly mac: string
  readonly signal: AbortSignal
}

async function plug({ hypervisor, guest, port, bridge, nic, mac, signal }: Cable): Promise<void> {
  const { lab, pid } = hypervisor
  await ip([`link add ${port} netns ${pid} type veth peer name ${nic} address ${mac} netns ${guest.pid}`], {
    lab,
    signal,
  })
  await setNetworkParameters({ [`ipv6/conf/${port}/disable_ipv6`]: '1' }, { lab, pid, signal })
  await ip([`link set ${port} master ${bridge}`, `link set ${port} up`], { lab, pid, signal })
  await ip([`link set ${nic} up`], { lab, pid: guest.pid, signal })
}

async function leasedAddress(host: NamespaceHost, signal: AbortSignal): Promise<string> {
  return waitFor(
    async () => {
      const argv = ['ip', '-4', '-json', 'address', 'show', 'dev', managementNic]
      const { stdout } = await runInHost(host, argv, { signal })
      const [nic] = JSON.parse(stdout) as { addr_info: { local: string }[] }[]
      const address = nic?.addr_info[0]?.local
      return address === undefined ? { state: 'pending', seen: stdout } : { state: 'ready', value: address }
    },
    { what: `the lease of ${host.name}`, timeoutMs: 10_000, signal },
  )
}
