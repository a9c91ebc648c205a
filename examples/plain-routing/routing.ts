/**
 * A data plane of this project's own: Linux routes the packets. A VM has one address and routes over its hypervisor; a
 * hypervisor has a route to each of its VMs, and to those of the other by way of the other, which must be on its network.
 */
import { type Hypervisor, type MakeChange, type VirtualMachine, test as base } from 'dpbench'

/** The hypervisors' address towards their VMs: the same everywhere, as it never leaves a link. */
const gateway = '169.254.1.1'

export const test = base.extend('routing', ({ change }) => ({
  /** Lets two VMs reach each other by IPv4. What it makes stays for the tests that follow, and goes with the run. */
  async between(a: VirtualMachine, b: VirtualMachine): Promise<void> {
    for (const [vm, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      await forward(change, vm.hypervisor)
      await plugIn(change, vm)
      await routeInGuest(change, vm, peer)
      if (vm.hypervisor !== peer.hypervisor) await routeBetween(change, vm.hypervisor, peer)
    }
  },
}))

async function forward(change: MakeChange, hypervisor: Hypervisor): Promise<void> {
  const { stdout } = await hypervisor.ssh.run(['sysctl', '-n', 'net.ipv4.ip_forward'])
  if (stdout.trim() === '1') return
  await change(hypervisor, {
    what: 'forwarding',
    lasts: 'run',
    commands: [['sysctl', '-qw', 'net.ipv4.ip_forward=1']],
    undo: [['sysctl', '-qw', 'net.ipv4.ip_forward=0']],
  })
}

async function plugIn(change: MakeChange, vm: VirtualMachine): Promise<void> {
  const [nic, { bridge }] = [await vm.dataNic(), vm.data]
  if (bridge === undefined) throw new Error(`${vm.name} has no "bridge" in its if_config`)
  const address = `${vm.overlayAddress('ipv4')}/32`
  await change(vm.hypervisor, {
    what: `the way to ${vm.name}`,
    lasts: 'run',
    commands: [
      ['ip', 'address', 'add', `${gateway}/32`, 'dev', bridge],
      ['ip', 'route', 'add', address, 'dev', bridge],
    ],
    undo: [noRoute(address, bridge), noAddress(`${gateway}/32`, bridge)],
  })
  await change(vm, {
    what: `the address ${address}`,
    lasts: 'run',
    commands: [['ip', 'address', 'add', address, 'dev', nic]],
    undo: [noAddress(address, nic)],
  })
}

async function routeInGuest(change: MakeChange, vm: VirtualMachine, peer: VirtualMachine): Promise<void> {
  const [nic, to] = [await vm.dataNic(), `${peer.overlayAddress('ipv4')}/32`]
  const source = vm.overlayAddress('ipv4')
  await change(vm, {
    what: `the route to ${peer.name}`,
    lasts: 'run',
    commands: [['ip', 'route', 'add', to, 'via', gateway, 'dev', nic, 'onlink', 'src', source]],
    undo: [noRoute(to, nic)],
  })
}

async function routeBetween(change: MakeChange, hypervisor: Hypervisor, to: VirtualMachine): Promise<void> {
  const [address, next] = [`${to.overlayAddress('ipv4')}/32`, to.hypervisor.ssh.address.address]
  await change(hypervisor, {
    what: `the route to ${to.name}`,
    lasts: 'run',
    commands: [['ip', 'route', 'add', address, 'via', next]],
    undo: [['sh', '-c', '[ -z "$(ip route show "$1")" ] || ip route del "$1"', 'sh', address]],
  })
}

// an undo is run also where nothing is left to undo, and must succeed there

function noRoute(to: string, device: string): string[] {
  return [
    'sh',
    '-c',
    '[ -z "$(ip route show "$1" dev "$2")" ] || ip route del "$1" dev "$2"',
    'sh',
    to,
    device,
  ]
}

function noAddress(address: string, device: string): string[] {
  const script = '[ -z "$(ip -o address show dev "$2" to "$1")" ] || ip address del "$1" dev "$2"'
  return ['sh', '-c', script, 'sh', address, device]
}
