/** What is asked of a machine after a failure. Every command only reads; what a machine does not have says so itself. */
import { type FlightPiece, pieceBytes } from '../../core/flight.ts'

export interface Probe extends Pick<FlightPiece, 'name' | 'command' | 'keep' | 'mostBytes'> {
  /** Probes of one lane run one after the other, lanes side by side. */
  readonly lane: 'network' | 'system' | 'logs'
}

const table = (lane: Probe['lane'], name: string, command: string): Probe => ({
  lane,
  name,
  command,
  keep: 'beginning',
  mostBytes: pieceBytes.table,
})
const log = (name: string, command: string): Probe => ({
  lane: 'logs',
  name,
  command,
  keep: 'end',
  mostBytes: pieceBytes.log,
})

const eachDevice = 'for d in /sys/class/net/*; do [ -d "$d" ] || continue; d=${d##*/}; echo "== $d"'

const everywhere: readonly Probe[] = [
  table('network', 'addresses', 'ip -d -s address show'),
  table('network', 'routes', 'ip -4 route show table all; ip -6 route show table all'),
  table('network', 'policy-rules', 'ip -4 rule show; ip -6 rule show'),
  table('network', 'sockets', 'ss -tinpe; echo "== all"; ss -atunp'),
  table('network', 'ethtool', `${eachDevice}; ethtool -i "$d"; ethtool -S "$d"; ethtool -k "$d"; done; true`),
  table('network', 'neighbours', 'ip -s neighbour show'),
  table(
    'network',
    'packet-filter',
    'if command -v nft > /dev/null; then nft list ruleset; else iptables-save; ip6tables-save; fi',
  ),
  table('network', 'queues', 'tc -s -d qdisc show; tc -s filter show'),
  table('network', 'protocol-counters', 'cat /proc/net/snmp /proc/net/netstat /proc/net/softnet_stat'),
  table('network', 'bridges', 'bridge -d link show; bridge fdb show'),
  table('system', 'processes', 'ps -eo pid,ppid,user,stat,psr,pcpu,rss,etime,wchan:20,args'),
  table(
    'system',
    'system',
    'date -u; uname -a; uptime; free -m; df -h; cat /proc/stat /proc/softirqs /proc/interrupts',
  ),
  log('kernel-log', 'dmesg --time-format iso --decode 2> /dev/null || dmesg'),
  log(
    'journal',
    'if command -v journalctl > /dev/null; then journalctl --quiet --no-pager --output=short-iso-precise --lines=5000; ' +
      "else echo 'there is no journald here'; tail -n 2000 /var/log/syslog /var/log/messages /var/log/daemon.log 2> /dev/null; true; fi",
  ),
]

const hypervisors: readonly Probe[] = [
  table('system', 'domstats', 'virsh --readonly domstats'),
  table(
    'system',
    'libvirt',
    'virsh --readonly list --all; virsh --readonly net-list --all; for n in $(virsh --readonly net-list --name); do virsh --readonly net-dhcp-leases "$n"; done',
  ),
]

export const guestProbes: readonly Probe[] = everywhere

/** @param guests names of the hypervisor's domains */
export function hypervisorProbes(guests: readonly string[]): Probe[] {
  // names of the config: letters, digits, dots, dashes and underscores (src/config/fields.ts)
  const ofGuests = guests.map((guest) =>
    log(`qemu-log-of-${guest}`, `cat /var/log/libvirt/qemu/${guest}.log`),
  )
  return [...everywhere, ...hypervisors, ...ofGuests]
}
