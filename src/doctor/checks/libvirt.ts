/** libvirt, its network of the management NICs with its DHCP, and KVM. */
import { createHash } from 'node:crypto'
import type { HostFacts, LibvirtFacts, SystemFacts } from '../host-facts.ts'
import { type Judgement, type Repair, fault, notApplicable, ok, warning } from '../finding.ts'
import type { HypervisorNeeds } from '../needs.ts'
import { installCommand, installable } from '../package-hints.ts'
import {
  autostartNetwork,
  defineNetwork,
  forwardIpv4,
  installPackages,
  startNetwork,
  startUnit,
} from '../repairs.ts'

/** @param label marks what `--fix` makes, and seeds its identity */
export function libvirtChecks(
  { system, libvirt }: HostFacts,
  needs: HypervisorNeeds,
  label: string,
): Judgement[] {
  const { answer } = libvirt
  if ('error' in answer) {
    const why = 'libvirt does not answer'
    return [
      daemon(system, answer.error),
      ...['libvirt network', 'libvirt DHCP', 'KVM'].map((check) => notApplicable(check, why)),
    ]
  }
  return [
    ok('libvirt', `${answer.version} answers at qemu:///system`),
    ...network(system, libvirt, needs, label),
    domainType(system, libvirt, needs),
  ]
}

function daemon({ programs, units, os, systemd }: SystemFacts, error: string): Judgement {
  if (programs['virsh'] === undefined) {
    const needed = ['virsh', 'libvirtd', 'qemu-system'] as const
    return fault(
      'libvirt',
      'virsh is not installed',
      installCommand(needed, os),
      installPackages(installable(needed, os)),
    )
  }
  const known = Object.keys(units).filter((unit) => !unit.startsWith('docker'))
  const unit = known.find((each) => each.startsWith('virtqemud')) ?? known[0]
  if (unit !== undefined && units[unit] !== 'active') {
    return fault('libvirt', `${unit} is ${units[unit]}: ${error}`, `systemctl enable --now ${unit}`, [
      startUnit(unit),
    ])
  }
  const advice = systemd
    ? unit === undefined
      ? installCommand(['libvirtd'], os)
      : `systemctl restart ${unit}; journalctl -u ${unit}`
    : `start libvirtd anew, by whatever runs it here`
  return fault('libvirt', `does not answer at qemu:///system: ${error}`, advice)
}

function network(
  system: SystemFacts,
  { network: found, networks, dnsmasq }: LibvirtFacts,
  { network: name }: HypervisorNeeds,
  label: string,
): Judgement[] {
  const check = 'libvirt network'
  const forwarding = system.ipForward ? [] : [forwardIpv4()]
  if (!found) {
    const others = networks.length > 0 ? `; there are ${networks.join(', ')}` : ''
    const repair = newNetwork(system, name, label)
    return [
      fault(
        check,
        `there is no network "${name}" for the management NICs${others}`,
        'define one with <dhcp> (virsh net-define FILE), or write another in "libvirt.network" of the config',
        repair ? [...forwarding, repair] : [],
      ),
      notApplicable('libvirt DHCP', 'there is no network'),
    ]
  }
  const { active, autostart, uuid } = found
  const repairs: Repair[] = [
    ...(active ? [] : [...(found.forward === undefined ? [] : forwarding), startNetwork(name, uuid)]),
    ...(autostart ? [] : [autostartNetwork(name, uuid)]),
  ]
  const forward = found.forward ?? 'no way out'
  if (!active) {
    const commands = `virsh net-start ${name}${autostart ? '' : `; virsh net-autostart ${name}`}`
    return [
      fault(check, `"${name}" is defined and not active`, commands, repairs),
      dhcp(found, dnsmasq, name),
    ]
  }
  return [
    autostart
      ? ok(
          check,
          `"${name}" is active and starts with the machine (${found.bridge ?? 'no bridge'}, ${forward})`,
        )
      : warning(
          check,
          `"${name}" is active, but does not start with the machine`,
          `virsh net-autostart ${name}`,
          repairs,
        ),
    dhcp(found, dnsmasq, name),
  ]
}

function dhcp(
  { dhcp, active }: NonNullable<LibvirtFacts['network']>,
  dnsmasq: LibvirtFacts['dnsmasq'],
  name: string,
): Judgement {
  const check = 'libvirt DHCP'
  if (!dhcp) {
    return fault(
      check,
      `"${name}" has no <dhcp>, so no VM gets an address`,
      `virsh net-edit ${name}: put <dhcp><range start=… end=…/></dhcp> into <ip>; or choose another network in "libvirt.network"`,
    )
  }
  if (!active) return notApplicable(check, `"${name}" is not active`)
  return dnsmasq !== 'ended'
    ? ok(check, `"${name}" serves DHCP`)
    : fault(
        check,
        `nothing serves DHCP: dnsmasq of "${name}" has ended`,
        `virsh net-destroy ${name}; virsh net-start ${name} (running VMs lose their management NIC until they are restarted)`,
      )
}

/** A network as libvirt's own default one, in a block that no route of the host leads to. */
function newNetwork({ routes }: SystemFacts, name: string, label: string): Repair | undefined {
  const third = Array.from({ length: 100 }, (_, index) => 122 + index).find(
    (each) => !routes.some((route) => route.startsWith(`192.168.${each}.`)),
  )
  if (third === undefined) return undefined
  const hash = createHash('sha256').update(`${label} ${name}`).digest('hex')
  const uuid = [8, 4, 4, 4, 12]
    .reduce<{ rest: string; parts: string[] }>(
      ({ rest, parts }, length) => ({ rest: rest.slice(length), parts: [...parts, rest.slice(0, length)] }),
      { rest: hash, parts: [] },
    )
    .parts.join('-')
  const block = `192.168.${third}`
  const document =
    `<network><name>${name}</name><uuid>${uuid}</uuid><forward mode='nat'/><bridge stp='on' delay='0'/>` +
    `<ip address='${block}.1' netmask='255.255.255.0'>` +
    `<dhcp><range start='${block}.2' end='${block}.254'/></dhcp></ip></network>`
  return defineNetwork(name, uuid, document)
}

function domainType(
  { kvm, programs }: SystemFacts,
  { domainType: outcome }: LibvirtFacts,
  { domainType: type, machine }: HypervisorNeeds,
): Judgement {
  const check = 'KVM'
  const fine = outcome === true
  if (type === 'qemu') {
    return fine
      ? notApplicable(
          check,
          `the config asks for emulation ("domain_type": "qemu"), which ${machine} can do here`,
        )
      : fault(
          check,
          `QEMU cannot emulate the machine ${machine}: ${outcome}`,
          'qemu-system-x86_64 -machine help',
        )
  }
  if (!kvm) {
    return fault(
      check,
      'there is no /dev/kvm',
      'modprobe kvm_intel || modprobe kvm_amd; virtualization must be on in the firmware; without KVM write "libvirt": { "domain_type": "qemu" } in the config',
    )
  }
  return fine
    ? ok(check, `/dev/kvm is there, and libvirt runs machines of type ${machine} with it`)
    : fault(
        check,
        `libvirt cannot run domains of type kvm, machine ${machine}: ${outcome}`,
        `${programs['virsh'] ?? 'virsh'} domcapabilities --virttype kvm --machine ${machine}`,
      )
}
