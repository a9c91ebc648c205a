/** libvirt, Docker, firewall and forwarding. */
import type { Case } from './cases.ts'
import { ruleset } from './recorded.ts'

export const serviceCases: readonly Case[] = [
  {
    name: 'no KVM',
    changes: { system: { kvm: '' } },
    check: 'KVM',
    found: /no \/dev\/kvm/,
    advice: /modprobe kvm_intel/,
  },
  {
    name: 'libvirt refuses the machine',
    changes: { libvirt: { domains: 'error: invalid argument: KVM is not supported', 'domains status': '' } },
    check: 'KVM',
    found: /machine q35: error: invalid argument/,
  },
  {
    name: 'libvirt is stopped',
    changes: {
      libvirt: { version: 'error: failed to connect to the hypervisor', status: '1' },
      system: { units: 'loaded inactive libvirtd.service' },
    },
    check: 'libvirt',
    found: /libvirtd.service is inactive: error: failed/,
    advice: /systemctl enable --now libvirtd/,
    repair: /systemctl start libvirtd.service/,
  },
  {
    name: 'dnsmasq has ended',
    changes: { libvirt: { dnsmasq: 'ended' } },
    check: 'libvirt DHCP',
    found: /nothing serves DHCP/,
    advice: /virsh net-destroy default; virsh net-start default/,
  },
  {
    name: "libvirt's network does not start by itself",
    changes: { libvirt: { autostart: '' } },
    check: 'libvirt network',
    status: 'warning',
    found: /does not start with the machine/,
    repair: /net-autostart --network default/,
  },
  {
    name: "libvirt's network is missing, and its block taken",
    changes: { libvirt: { network: '', networks: '', active: '' } },
    check: 'libvirt network',
    found: /no network "default"/,
    repair: /net-define \/dev\/stdin .*192\.168\.123\.1'/,
  },
  {
    name: 'Gardenlinux drops DHCP',
    changes: { system: { nft: ruleset([]) } },
    check: 'nft input',
    found: /inet filter input \(policy drop\) drops/,
    repair:
      /nft insert rule inet filter input iifname virbr0 udp dport 67 accept comment '"dpbench doctor test"'/,
  },
  {
    name: 'nft fails',
    changes: { system: { nft: 'Operation not permitted (you must be root)', 'nft status': '' } },
    check: 'nft input',
    status: 'warning',
    found: /could not be read: Operation not permitted/,
  },
  {
    name: 'no forwarding',
    changes: { system: { forward: '0' } },
    check: 'IP forwarding',
    found: /ip_forward is 0/,
    repair: /echo 1 > \/proc\/sys\/net\/ipv4\/ip_forward/,
  },
  {
    name: "Docker's socket is another group's",
    changes: {
      docker: { socket: 'not ours', engine: { error: 'cannot open /var/run/docker.sock' } },
      access: { socketForwarding: undefined },
    },
    check: 'Docker',
    found: /bench may not use .*, which is docker's/,
    advice: /usermod -aG docker bench/,
  },
  {
    name: 'Docker is stopped',
    changes: {
      docker: { listening: false, engine: { error: 'cannot open' } },
      system: { units: 'loaded failed docker.service' },
    },
    check: 'Docker',
    found: /no process listens; docker.service is failed/,
    repair: /systemctl start docker.service/,
  },
  {
    name: 'Docker hangs',
    changes: { docker: { engine: { error: 'no answer within 5 s' } } },
    check: 'Docker',
    found: /does not answer: no answer within 5 s/,
    advice: /systemctl restart docker/,
  },
]
