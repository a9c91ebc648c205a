/** The changes that `--fix` makes, each with the undo that goes into the journal. `undo.ts` takes them back. */
import { quoteArgv, shell } from '../core/shell-quote.ts'
import { virshCommand } from '../transport/libvirt/virsh.ts'
import type { Repair } from './finding.ts'

/** One number or word in a file of /proc/sys or /sys. */
export interface Setting {
  readonly path: string
  readonly before: string
  readonly after: string
}

/**
 * Writes settings.
 * @param partial the kernel may give less than is asked for (hugepages): what lies between counts as ours too
 */
export function setting(what: string, settings: readonly Setting[], partial = false): Repair {
  return {
    what,
    commands: settings.map(({ path, after }) => ['sh', '-c', `echo ${after} > ${path}`]),
    undo: { kind: 'doctor-settings', partial, settings: settings.map((each) => ({ ...each })) },
  }
}

/** libvirt does it too when it starts a network that leads somewhere; done by us, it is journaled. */
export function forwardIpv4(): Repair {
  const path = '/proc/sys/net/ipv4/ip_forward'
  return setting('net.ipv4.ip_forward: 0 → 1', [{ path, before: '0', after: '1' }])
}

export function startNetwork(name: string, uuid: string): Repair {
  return {
    what: `libvirt's network ${name}: started`,
    commands: [virshCommand(['net-start', '--network', name])],
    undo: { kind: 'doctor-network-start', name, uuid },
  }
}

export function autostartNetwork(name: string, uuid: string): Repair {
  return {
    what: `libvirt's network ${name}: started with the machine`,
    commands: [virshCommand(['net-autostart', '--network', name])],
    undo: { kind: 'doctor-network-autostart', name, uuid },
  }
}

/** Only where there is none of that name. */
export function defineNetwork(name: string, uuid: string, document: string): Repair {
  return {
    what: `libvirt's network ${name}: defined, started now and with the machine`,
    commands: [
      // virsh reads a document from a file alone; the shell's input is one
      shell(`printf %s "$1" | ${quoteArgv(virshCommand(['net-define', '/dev/stdin']))}`, document),
      virshCommand(['net-start', '--network', name]),
      virshCommand(['net-autostart', '--network', name]),
    ],
    undo: { kind: 'doctor-network', name, uuid },
  }
}

/** @param label by which the rule is found again */
export function acceptDhcp(
  { family, table, chain }: { readonly family: string; readonly table: string; readonly chain: string },
  netdev: string,
  label: string,
): Repair {
  const match = ['iifname', netdev, 'udp', 'dport', '67', 'accept', 'comment', `"${label}"`]
  return {
    what: `nftables ${family} ${table} ${chain}: DHCP from ${netdev} accepted`,
    commands: [['nft', 'insert', 'rule', family, table, chain, ...match]],
    undo: { kind: 'doctor-rule', family, table, chain, label },
  }
}

/** A plain switch: no spanning tree, no multicast snooping (without a querier it drops neighbour discovery). */
export function makeBridge(name: string, label: string): Repair {
  const link = ['ip', 'link']
  return {
    what: `bridge ${name}: made`,
    commands: [
      [...link, 'add', name, 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0'],
      [...link, 'set', 'dev', name, 'alias', label],
      [...link, 'set', 'dev', name, 'up'],
    ],
    undo: { kind: 'doctor-bridge', name, label },
  }
}

const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', 'apt-get']

/** Empty where `packages` is. What else apt brings along is found out, and journaled, before it is installed. */
export function installPackages(packages: readonly string[]): Repair[] {
  if (packages.length === 0) return []
  return [
    {
      what: `installed: ${packages.join(', ')}`,
      commands: [
        [...apt, '--quiet', 'update'],
        [...apt, '--quiet', '--yes', '--no-install-recommends', 'install', ...packages],
      ],
      undo: { kind: 'doctor-packages', packages },
    },
  ]
}

export function startUnit(unit: string): Repair {
  return {
    what: `${unit}: started`,
    commands: [['systemctl', 'start', unit]],
    undo: { kind: 'doctor-unit', unit },
  }
}
