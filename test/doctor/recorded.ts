/**
 * A Gardenlinux hypervisor with a ConnectX card in switchdev mode, as the commands of `host-script.ts` tell of it: what no
 * lab has. Put together from the formats of the kernel's files (hugetlbpage, sysfs-bus-pci, devlink, phys_port_name), of
 * nft and of dpservice's own prepare.sh.
 */
import type { BenchConfig } from '../../src/config/index.ts'
import { type HypervisorNeeds, needsOf } from '../../src/doctor/needs.ts'
import type { HostFacts } from '../../src/doctor/host-facts.ts'
import { parseLibvirt, parseSystem } from '../../src/doctor/parse-facts.ts'

const card = '0000:8a:00.0'

/** A rule as `nft -j` prints it. */
export type Rule = Readonly<Record<string, unknown>>[]

export function match(left: object, right: unknown, op = '=='): Rule[number] {
  return { match: { op, left, right } }
}
export const iifname = (right: unknown, op = '=='): Rule[number] =>
  match({ meta: { key: 'iifname' } }, right, op)
export const field = (protocol: string, name: string, right: unknown): Rule[number] =>
  match({ payload: { protocol, field: name } }, right)
export const accept = { accept: null }
export const drop = { drop: null }

export function dhcpRule(): Rule {
  return [
    iifname('virbr0'),
    field('udp', 'dport', { set: [53, 67] }),
    { counter: { packets: 3, bytes: 900 } },
    accept,
  ]
}

/** Gardenlinux's own table: input drops, but for loopback, ICMP, SSH and what belongs to a connection. */
export function ruleset(
  rules: readonly (() => Rule)[],
  policy = 'drop',
  more: readonly object[] = [],
): string {
  const place = { family: 'inet', table: 'filter' }
  const own: Rule[] = [
    [iifname('lo'), accept],
    [match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), accept],
    [field('tcp', 'dport', 22), match({ ct: { key: 'state' } }, 'new', 'in'), accept],
    [match({ payload: { protocol: 'icmpv6', field: 'type' } }, 'echo-request'), accept],
    ...rules.map((rule) => rule()),
  ]
  const nftables = [
    { metainfo: { json_schema_version: 1 } },
    { table: { family: 'inet', name: 'filter', handle: 1 } },
    { chain: { ...place, name: 'input', handle: 1, type: 'filter', hook: 'input', prio: 0, policy } },
    ...more,
    ...own.map((expr, index) => ({ rule: { ...place, chain: 'input', handle: 10 + index, expr } })),
  ]
  return JSON.stringify({ nftables })
}

/** By section; `nft` is the ruleset of Gardenlinux with a rule for libvirt's DHCP. */
export const systemSections: Readonly<Record<string, string>> = {
  os: 'ID=gardenlinux\nNAME="Garden Linux"\nPRETTY_NAME="Garden Linux 1592.4"\nID_LIKE=debian\nGARDENLINUX_VERSION=1592.4',
  kernel: '6.6.63-amd64',
  systemd: 'yes',
  programs: [
    'virsh /usr/bin/virsh',
    'qemu-img /usr/bin/qemu-img',
    'tar /usr/bin/tar',
    'sha256sum /usr/bin/sha256sum',
    'dd /usr/bin/dd',
    'stat /usr/bin/stat',
    'gzip /usr/bin/gzip',
    'ip /usr/sbin/ip',
    'zstd /usr/bin/zstd',
    'nft /usr/sbin/nft',
    'devlink /usr/sbin/devlink',
    'dockerd /usr/sbin/dockerd',
  ].join('\n'),
  'version virsh': '10.7.0',
  'version qemu-img': 'qemu-img version 9.1.1 (Debian 1:9.1.1+ds-5)',
  'version tar': 'tar (GNU tar) 1.35',
  'version zstd': '*** Zstandard CLI (64-bit) v1.5.6, by Yann Collet ***',
  hugepages:
    'default 2048\npool 1048576 0 0\npool 2048 4096 4096\nnode 1048576 0 0 0\nnode 2048 0 2048 2048\nnode 1048576 1 0 0\nnode 2048 1 2048 2048',
  iommu: '148',
  cards: `card ${card}\ndriver mlx5_core\nsriov_totalvfs 126\nsriov_numvfs 126\nnuma_node 1\nnetdev enp138s0f0np0 9100\nnetdev enp138s0f0npf0vf1 1500\nnetdev enp138s0f0npf0vf2 1500\neswitch switchdev`,
  representors: `enp138s0f0np0 p0 ${card}\nenp138s0f0npf0vf1 pf0vf1 ${card}\nenp138s0f0npf0vf2 pf0vf2 ${card}\nenp138s0f1np1 p1 0000:8a:00.1`,
  kvm: 'yes',
  forward: '1',
  mounts: [
    '/dev/nvme0n1p3 / ext4 rw,relatime 0 0',
    'hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0',
    'tmpfs /tmp tmpfs rw,nosuid,nodev,noexec 0 0',
    '/dev/nvme1n1 /var/lib/docker xfs rw,relatime 0 0',
  ].join('\n'),
  free: '26214400 4096 /var/lib/libvirt/images/dpbench',
  governors:
    '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor performance\n/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor performance',
  netdevs: 'enp138s0f0np0 9100 \nenp138s0f0npf0vf2 1500 \nvirbr0 1500 bridge',
  routes: 'default via 10.0.0.1 dev eno1\n10.0.0.0/24 dev eno1\n192.168.122.0/24 dev virbr0',
  units: 'loaded active docker.service\nloaded active libvirtd.service\nnot-found inactive virtqemud.service',
  'dpservice.conf': `# made by prepare.sh\nno-stats\npf0 enp138s0f0np0\npf1 enp138s0f1np1\nvf-pattern enp138s0f0npf0vf\nipv6 2001:db8::1\na-pf0 ${card},class=rxq_cqe_comp_en=0,rx_vec_en=1,representor=pf[0]vf[0-125]\na-pf1 0000:8a:00.1,class=rxq_cqe_comp_en=0`,
  nft: ruleset([dhcpRule]),
  'nft status': 'ok',
  end: '',
}

export const libvirtSections: Readonly<Record<string, string>> = {
  version:
    'Compiled against library: libvirt 10.7.0\nUsing library: libvirt 10.7.0\nRunning hypervisor: QEMU 9.1.1',
  status: '0',
  networks: 'default',
  active: 'default',
  autostart: 'default',
  network:
    "<network><name>default</name><uuid>1b7f2f4e-0000-4000-8000-000000000001</uuid><forward mode='nat'/><bridge name='virbr0' stp='on' delay='0'/><ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip></network>",
  dnsmasq: 'serves',
  running: '',
  domains: '',
  'domains status': 'ok',
}

type Sections = Readonly<Record<string, string | undefined>>

/** As the script prints them. `undefined` takes a section away. */
export function printed(sections: Sections, changes: Sections = {}): string {
  return Object.entries({ ...sections, ...changes })
    .flatMap(([name, text]) => (text === undefined ? [] : [`\f${name}\n${text}\n`]))
    .join('')
}

export interface Changes {
  readonly system?: Sections
  readonly libvirt?: Sections
  readonly access?: Partial<HostFacts['access']>
  readonly docker?: Partial<HostFacts['docker']>
}

export function hostFacts({ system = {}, libvirt = {}, access, docker }: Changes = {}): HostFacts {
  return {
    access: {
      user: 'bench',
      groups: ['bench', 'docker'],
      root: true,
      tcpForwarding: true,
      socketForwarding: true,
      clock: { offsetSeconds: 0.01, uncertaintySeconds: 0.02 },
      ...access,
    },
    system: parseSystem(printed(systemSections, system)),
    libvirt: parseLibvirt(printed(libvirtSections, libvirt), 'default'),
    docker: {
      socket: 'ours',
      group: 'docker',
      listening: true,
      engine: { version: '27.3.1', root: '/var/lib/docker', freeBytes: 200 * 2 ** 30 },
      ...docker,
    },
  }
}

/** Of config/examples/two-servers.json's first hypervisor, changed. */
export function needs(config: BenchConfig, changes: Partial<HypervisorNeeds> = {}): HypervisorNeeds {
  return { ...needsOf(config, config.hypervisors[0]!), ...changes }
}
