/** libvirtd for QEMU as root, without dbus, systemd, security driver or cgroups, with its `default` network. */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Probe } from '../../src/core/wait.ts'
import { cacheFolder } from '../paths.ts'
import { type NamespaceHost, runInHost } from '../namespaces/namespace-host.ts'
import { macAddress } from '../tag.ts'
import { type Daemon, startDaemon } from './daemon.ts'

/** The default network's first three bytes: what libvirt has everywhere. */
export const guestBlock = '192.168.122'
/** Made by libvirt when its default network starts. */
export const guestBridge = 'virbr0'

/** The machine's own libvirt is hidden whole: its domains, networks, images and logs. */
export function libvirtBinds(): Record<string, string> {
  return {
    '/etc/libvirt': 'libvirt/etc',
    '/var/lib/libvirt': 'libvirt/lib',
    '/var/log/libvirt': 'log/libvirt',
    // What QEMU can do takes a second to find out; libvirt checks by itself whether what it knows still holds.
    '/var/cache/libvirt': join(cacheFolder(), 'libvirt'),
  }
}

/** Why each line is needed without systemd, dbus and a libvirt user's rights: LAB facts, measured with libvirt 9. */
const qemuConfiguration = `user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
remember_owner = 0
`

export interface GuestReservation {
  readonly name: string
  readonly macAddress: string
  readonly address: string
}

/** Lays libvirt's configuration. dnsmasq gives a reserved guest its address at once, without probing for it first. */
export async function layLibvirtFiles(
  lab: string,
  host: string,
  folder: string,
  reservations: readonly GuestReservation[],
): Promise<void> {
  const etc = join(folder, 'libvirt', 'etc')
  const autostart = join(etc, 'qemu', 'networks', 'autostart')
  await mkdir(autostart, { recursive: true, mode: 0o755 })
  await mkdir(join(folder, 'libvirt', 'lib', 'images'), { recursive: true, mode: 0o755 })
  await writeFile(join(etc, 'libvirtd.conf'), 'auth_unix_rw = "none"\nauth_unix_ro = "none"\n')
  await writeFile(join(etc, 'qemu.conf'), qemuConfiguration)
  await writeFile(join(etc, 'qemu', 'networks', 'default.xml'), networkXml(lab, host, reservations))
  await symlink('../default.xml', join(autostart, 'default.xml'))
}

function networkXml(lab: string, host: string, reservations: readonly GuestReservation[]): string {
  const hosts = reservations.map(
    ({ name, macAddress, address }) => `      <host mac='${macAddress}' name='${name}' ip='${address}'/>\n`,
  )
  return `<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='${guestBridge}' stp='off' delay='0'/>
  <mac address='${macAddress(lab, `${host} ${guestBridge}`, '52:54:00')}'/>
  <ip address='${guestBlock}.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='${guestBlock}.2' end='${guestBlock}.254'/>
${hosts.join('')}    </dhcp>
  </ip>
</network>
`
}

/**
 * Starts libvirtd and waits until `virsh` lists its domains and shows the default network as active.
 * @throws WaitError
 */
export async function startLibvirtd(host: NamespaceHost, signal: AbortSignal): Promise<void> {
  const daemon: Daemon = {
    name: 'libvirtd',
    argv: ['libvirtd'],
    probe: (deadline) => probeLibvirt(host, deadline),
    timeoutMs: 40_000,
  }
  await startDaemon(host, daemon, signal)
}

async function probeLibvirt(host: NamespaceHost, signal: AbortSignal): Promise<Probe<void>> {
  const virsh = ['virsh', '--connect', 'qemu:///system']
  const options = { timeoutMs: 15_000, signal }
  await runInHost(host, [...virsh, 'list', '--all', '--name'], options)
  const { stdout } = await runInHost(host, [...virsh, 'net-list', '--name'], options)
  return stdout.split('\n').includes('default')
    ? { state: 'ready', value: undefined }
    : { state: 'pending', seen: `active networks: ${stdout.trim() || 'none'}` }
}
