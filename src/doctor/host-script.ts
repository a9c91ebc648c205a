/**
 * The commands that ask a hypervisor everything at once: one for the system, one for libvirt, one for what the login user
 * may do. Each prints sections, `\f`, a name, and what that probe found; a probe that finds nothing prints nothing.
 */
import { quoteArgv, shell } from '../core/shell-quote.ts'
import { virshCommand } from '../transport/libvirt/virsh.ts'
import type { HypervisorNeeds } from './needs.ts'

/** Without these nothing can be provisioned. `tar` is GNU tar: no other unpacks a sparse archive. */
export const requiredPrograms = ['virsh', 'qemu-img', 'tar', 'sha256sum', 'dd', 'stat', 'gzip', 'ip'] as const
const otherPrograms = ['zstd', 'nft', 'devlink', 'dockerd'] as const

/** Daemons by what they are for; which of libvirt's a distribution has differs. */
export const units = ['docker.service', 'libvirtd.service', 'virtqemud.service'] as const

export const folders = { temporary: ['/tmp', '/var/tmp'] } as const

/** As the login user, whatever the config says about sudo. */
export function userCommand(socket: string): string[] {
  return shell(
    `section() { printf '\\f%s\\n' "$*"; }
section user; id -un
section groups; id -Gn
section server; echo "$SSH_CONNECTION"
section socket; if [ ! -S "$1" ]; then echo missing; elif [ -w "$1" ]; then echo ours; else echo not ours; fi
section group; stat -L -c %G -- "$1" 2>/dev/null
section listening; grep -E -c ' 00010000 .* (/var)?/run/docker\\.sock$' /proc/net/unix`,
    socket,
  )
}

export function clockCommand(): string[] {
  return ['date', '+%s.%N']
}

/** Free blocks, their size, and the folder: of the nearest one above that is there. */
const freeScript = (folder: string): string => `near=${quoteArgv([folder])}
while [ ! -e "$near" ]; do near=$(dirname "$near"); done
echo "$(stat -f -c '%a %S' "$near") "${quoteArgv([folder])}`

export function freeCommand(folder: string): string[] {
  return shell(freeScript(folder))
}

export function systemCommand(needs: HypervisorNeeds): string[] {
  const conf = 'file' in needs.dpserviceConf ? needs.dpserviceConf.file : ''
  const cards = needs.cards.map(({ address }) => address)
  return shell(`section() { printf '\\f%s\\n' "$*"; }
LC_ALL=C; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH
section os; cat /etc/os-release
section kernel; uname -r
section systemd; [ -d /run/systemd/system ] && echo yes
section programs; for one in ${quoteArgv([...requiredPrograms, ...otherPrograms])}; do
  path=$(command -v "$one") && echo "$one $path"
done
section version virsh; virsh --version 2>/dev/null
section version qemu-img; qemu-img --version 2>/dev/null | head -n 1
section version tar; tar --version 2>/dev/null | head -n 1
section version zstd; zstd --version 2>/dev/null | head -n 1
section hugepages; sed -n 's/^Hugepagesize: *\\([0-9]*\\) kB/default \\1/p' /proc/meminfo
for pool in /sys/kernel/mm/hugepages/hugepages-*kB; do
  size=\${pool##*hugepages-}
  echo "pool \${size%kB} $(cat "$pool/nr_hugepages") $(cat "$pool/free_hugepages")"
done
for pool in /sys/devices/system/node/node*/hugepages/hugepages-*kB; do
  node=\${pool#*/node/node}; size=\${pool##*hugepages-}
  [ -e "$pool/nr_hugepages" ] &&
    echo "node \${size%kB} \${node%%/*} $(cat "$pool/nr_hugepages") $(cat "$pool/free_hugepages")"
done
section iommu; ls /sys/kernel/iommu_groups 2>/dev/null | wc -l
section cards; for card in ${quoteArgv(cards)}; do
  at=/sys/bus/pci/devices/$card
  echo "card $card"
  [ -d "$at" ] || continue
  echo "driver $(basename "$(readlink "$at/driver")")"
  for one in sriov_totalvfs sriov_numvfs numa_node; do [ -r "$at/$one" ] && echo "$one $(cat "$at/$one")"; done
  for net in "$at"/net/*; do [ -e "$net/mtu" ] && echo "netdev $(basename "$net") $(cat "$net/mtu")"; done
  echo "eswitch $(devlink dev eswitch show "pci/$card" 2>/dev/null | sed -n 's/.* mode \\([a-z]*\\).*/\\1/p')"
done
section representors; for net in /sys/class/net/*; do
  port=$(cat "$net/phys_port_name" 2>/dev/null) && [ -n "$port" ] &&
    echo "$(basename "$net") $port $(basename "$(readlink "$net/device")")"
done
section kvm; [ -c /dev/kvm ] && echo yes
section forward; cat /proc/sys/net/ipv4/ip_forward
section mounts; cat /proc/self/mounts
section free; ${freeScript(needs.imageFolder)}
section governors; for file in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
  [ -r "$file" ] && echo "$file $(cat "$file")"
done
section netdevs; for net in /sys/class/net/*; do
  [ -e "$net/mtu" ] && echo "$(basename "$net") $(cat "$net/mtu") $([ -d "$net/bridge" ] && echo bridge)"
done
section routes; ip -4 route show table all 2>/dev/null
section units; if [ -d /run/systemd/system ]; then for unit in ${quoteArgv(units)}; do
  systemctl show --property=LoadState,ActiveState --value "$unit" 2>/dev/null | tr '\\n' ' '; echo "$unit"
done; fi
conf=${quoteArgv([conf])}
if [ -n "$conf" ] && [ -e "$conf" ]; then section dpservice.conf; cat -- "$conf"; fi
if command -v nft >/dev/null; then
  section nft; nft -j list ruleset 2>&1; section nft status; nft -j list ruleset >/dev/null 2>&1 && echo ok
fi
section end`)
}

export function libvirtCommand(needs: HypervisorNeeds): string[] {
  const virsh = (...args: string[]): string => quoteArgv(virshCommand(args))
  const { network, domainType, machine } = needs
  return shell(`section() { printf '\\f%s\\n' "$*"; }
section version; said=$(${virsh('version')} 2>&1); status=$?; echo "$said"; section status; echo $status
[ "$status" = 0 ] || exit 0
section networks; ${virsh('net-list', '--all', '--name')}
section active; ${virsh('net-list', '--name')}
section autostart; ${virsh('net-list', '--all', '--autostart', '--name')}
section network; ${virsh('net-dumpxml', '--network', network)} 2>/dev/null
section dnsmasq; pid=$(cat ${quoteArgv([`/run/libvirt/network/${network}.pid`])} 2>/dev/null) &&
  { grep -q dnsmasq "/proc/$pid/comm" 2>/dev/null && echo serves || echo ended; }
section running; ${virsh('list', '--state-running', '--name')}
section domains; ${virsh('domcapabilities', '--virttype', domainType, '--machine', machine)} 2>&1 >/dev/null
section domains status; ${virsh('domcapabilities', '--virttype', domainType, '--machine', machine)} >/dev/null 2>&1 && echo ok`)
}
