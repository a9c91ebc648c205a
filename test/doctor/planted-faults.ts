/** Real faults for a lab's hypervisor, each with what the doctor is to say of it, and the way back. */
import type { Status } from '../../src/doctor/index.ts'
import type { EditableConfig } from '../e2e/support/project.ts'

export interface PlantedFault {
  readonly name: string
  /** Where its scripts run; default: the hypervisor. */
  readonly machine?: string
  readonly plant?: string
  readonly heal?: string
  /** The config has hypervisor-2 alone. */
  readonly edit?: (config: EditableConfig, scratch: string) => void
  readonly finds: readonly {
    readonly check: string
    readonly found: RegExp
    readonly advice: RegExp
    readonly status?: Status
  }[]
  /** With it, `--fix` puts the fault right: what to look at, before and after. */
  readonly look?: string
}

const network = (name: string, dhcp: string): string =>
  `printf "%s" "<network><name>${name}</name><bridge name='dpb-idle'/><ip address='192.168.99.1' netmask='255.255.255.0'>${dhcp}</ip></network>" > /run/${name}.xml; virsh -q net-define /run/${name}.xml; rm /run/${name}.xml`
const networks =
  'virsh net-list --all | sort; ls /etc/libvirt/qemu/networks /etc/libvirt/qemu/networks/autostart'
const links = 'ip -o link show | cut -d: -f2 | sort'

export const plantedFaults: readonly PlantedFault[] = [
  {
    name: "Docker's socket is gone",
    plant: 'mv /run/docker.sock /run/docker.sock.away',
    heal: 'mv /run/docker.sock.away /run/docker.sock',
    finds: [{ check: 'Docker', found: /there is no socket \/var\/run\/docker.sock/, advice: /dockerd/ }],
  },
  {
    name: 'a network of libvirt is not active and does not start by itself',
    plant: network('dpbench-idle', "<dhcp><range start='192.168.99.2' end='192.168.99.9'/></dhcp>"),
    heal: 'virsh -q net-undefine dpbench-idle',
    edit: (config) => (config.libvirt.network = 'dpbench-idle'),
    finds: [
      {
        check: 'libvirt network',
        found: /"dpbench-idle" is defined and not active/,
        advice: /virsh net-start dpbench-idle; virsh net-autostart dpbench-idle/,
      },
    ],
    look: networks,
  },
  {
    name: 'the network of the config is not defined',
    edit: (config) => (config.libvirt.network = 'dpbench-absent'),
    finds: [
      {
        check: 'libvirt network',
        found: /no network "dpbench-absent".*there are default/,
        advice: /virsh net-define/,
      },
    ],
    look: `${networks}; ${links}`,
  },
  {
    name: "a network's dnsmasq has ended",
    plant: `${network('dpbench-mute', "<dhcp><range start='192.168.99.2' end='192.168.99.9'/></dhcp>")}; virsh -q net-start dpbench-mute; kill $(cat /run/libvirt/network/dpbench-mute.pid); while [ -d /proc/$(cat /run/libvirt/network/dpbench-mute.pid) ]; do sleep 0.02; done`,
    heal: 'virsh -q net-destroy dpbench-mute; virsh -q net-undefine dpbench-mute',
    edit: (config) => (config.libvirt.network = 'dpbench-mute'),
    finds: [
      {
        check: 'libvirt DHCP',
        found: /dnsmasq of "dpbench-mute" has ended/,
        advice: /net-start dpbench-mute/,
      },
    ],
  },
  {
    name: 'a network without DHCP',
    plant: `${network('dpbench-mute', '')}; virsh -q net-start dpbench-mute`,
    heal: 'virsh -q net-destroy dpbench-mute; virsh -q net-undefine dpbench-mute',
    edit: (config) => (config.libvirt.network = 'dpbench-mute'),
    finds: [
      { check: 'libvirt DHCP', found: /"dpbench-mute" has no <dhcp>/, advice: /virsh net-edit dpbench-mute/ },
      {
        check: 'libvirt network',
        found: /does not start with the machine/,
        advice: /net-autostart/,
        status: 'warning',
      },
    ],
  },
  {
    name: 'the firewall drops what guests ask DHCP for',
    plant:
      "nft 'add table inet site; add chain inet site input { type filter hook input priority 0; policy drop; }; " +
      'add rule inet site input iifname lo accept; add rule inet site input meta l4proto icmpv6 accept; ' +
      "add rule inet site input tcp dport 22 accept; add rule inet site input ct state established,related accept'",
    heal: 'nft delete table inet site',
    finds: [
      {
        check: 'nft input',
        found: /inet site input \(policy drop\) drops what guests on virbr0 ask DHCP for/,
        advice: /nft insert rule inet site input iifname virbr0 udp dport 67 accept/,
      },
    ],
    look: 'nft list table inet site',
  },
  {
    name: 'IP forwarding is off',
    plant: 'echo 0 > /proc/sys/net/ipv4/ip_forward',
    heal: 'echo 1 > /proc/sys/net/ipv4/ip_forward',
    finds: [
      {
        check: 'IP forwarding',
        found: /net.ipv4.ip_forward is 0/,
        advice: /sysctl -w net.ipv4.ip_forward=1/,
      },
    ],
    look: 'cat /proc/sys/net/ipv4/ip_forward',
  },
  {
    name: '/tmp is mounted noexec',
    plant: 'mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp',
    heal: 'umount /tmp',
    finds: [
      {
        check: 'noexec',
        found: /^\/tmp is mounted noexec/,
        advice: /mount -o remount,exec \/tmp/,
        status: 'warning',
      },
    ],
  },
  {
    name: 'a program is missing',
    plant: 'mv /usr/bin/qemu-img /usr/bin/qemu-img.away',
    heal: 'mv /usr/bin/qemu-img.away /usr/bin/qemu-img',
    finds: [{ check: 'programs', found: /not installed: qemu-img$/, advice: /qemu/ }],
  },
  {
    name: 'the bridge of a VM is missing',
    edit: (config) => (config.hypervisors[0].vms[0].if_config.bridge = 'br-nothere'),
    finds: [
      { check: 'bridges', found: /br-nothere is not there/, advice: /ip link add br-nothere type bridge/ },
    ],
    look: links,
  },
  {
    name: 'the underlay is too small for the tunnel',
    plant: 'ip link set br-underlay mtu 1500',
    heal: 'ip link set br-underlay mtu 9100',
    finds: [
      {
        check: 'underlay MTU',
        found: /br-underlay: 1500; .* take 1540/,
        advice: /ip link set br-underlay mtu/,
      },
    ],
  },
  {
    name: 'the disk for images is full',
    plant: 'mkdir /run/small; mount -t tmpfs -o size=16m tmpfs /run/small',
    heal: 'umount /run/small; rmdir /run/small',
    edit: (config) => (config.libvirt.image_folder = '/run/small/images'),
    finds: [
      {
        check: 'disk for images',
        found: /0\.0 GiB free for \/run\/small\/images/,
        advice: /libvirt.image_folder/,
      },
    ],
  },
  {
    name: 'sshd forwards nothing',
    plant:
      'sed "s/^Port 22/Port 2222/; s/^\\(Allow.*Forwarding\\) yes/\\1 no/; s/^PidFile.*/PidFile \\/run\\/sshd2.pid/" /etc/ssh/sshd_config > /run/sshd2.conf; /usr/sbin/sshd -f /run/sshd2.conf',
    heal: 'kill $(cat /run/sshd2.pid); rm /run/sshd2.conf',
    edit: (config) => (config.hypervisors[0].port = 2222),
    finds: [
      { check: 'AllowTcpForwarding', found: /opens no TCP connection/, advice: /AllowTcpForwarding yes/ },
      {
        check: 'AllowStreamLocalForwarding',
        found: /opens no Unix socket/,
        advice: /AllowStreamLocalForwarding yes/,
      },
    ],
  },
  {
    name: 'the config asks for sudo where there is none',
    plant: 'away=$(command -v sudo) && mv "$away" /run/sudo.away && echo "$away" > /run/sudo.place; true',
    heal: '[ ! -e /run/sudo.place ] || { mv /run/sudo.away "$(cat /run/sudo.place)"; rm /run/sudo.place; }',
    edit: (config) => (config.hypervisors[0].sudo = true),
    finds: [{ check: 'sudo', found: /there is no sudo here/, advice: /take "sudo" out of this hypervisor/ }],
  },
  {
    name: 'a guest with another host key',
    machine: 'vm3',
    edit: (config) => (config.hypervisors[0].vms[0].host_key = config.hypervisors[0].host_key),
    finds: [{ check: 'guest', found: /vm3: the host key of/, advice: /npm run provision -- --clean-up/ }],
  },
  {
    name: 'an iperf3 that crashes, in a guest',
    machine: 'vm3',
    plant:
      'printf "#!/bin/sh\\necho iperf 3.16 \\(cJSON 1.7.15\\)\\n" > /usr/local/bin/iperf3; chmod 755 /usr/local/bin/iperf3',
    heal: 'rm /usr/local/bin/iperf3',
    finds: [{ check: 'iperf3', found: /^3.16, which crashes/, advice: /3.18/ }],
  },
]
