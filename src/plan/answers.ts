/**
 * What the machines of a plan answer: as a hypervisor and guests that have all they need, nothing of ours, and nothing of anybody
 * else's in the way. A command that nobody reads the output of is answered by nothing.
 */
import type { VmConfig } from '../config/index.ts'
import { leasedLine } from '../environment/hypervisor-lease-script.ts'
import { readyLine } from '../machine/counters/script.ts'
import type { RunOptions } from '../transport/host.ts'
import { telemetryReplies } from './telemetry-answers.ts'
import { pingText, secondsOf } from './tool-outputs.ts'
import { portCommands, runProcesses } from './traffic-answers.ts'
import type { World } from './world.ts'

export interface Asked {
  readonly world: World
  readonly machine: string
  readonly argv: readonly string[]
  readonly options: RunOptions
}

/** Standard output; `undefined` is a failure. */
type Answer = string | undefined

export async function answer(asked: Asked): Promise<Answer> {
  const { world, machine, argv, options } = asked
  const script = argv[0] === 'sh' ? (argv[2] ?? '') : ''
  const commands = portCommands(script)
  if (commands) return runProcesses(world, machine, commands, options.signal)
  if (options.onLine && options.input) return untilInputEnds(asked)
  if (argv.includes('ping')) return ping(asked)
  if (argv.some((one) => one.endsWith('/boot_id')) && argv[0] === 'cat') return bootOf(world, machine)
  if (argv[0] === 'ss') return listening(world, machine)
  if (argv.includes('virsh')) return argv.includes('dumpxml') ? undefined : ''
  if (script.includes('/proc/meminfo')) return 'a kernel\nan OS\na CPU\n1\n1048576\nnone\n'
  if (script.startsWith("cut -d' ' -f1 /proc/uptime")) return '0\n'
  if (script.includes('SOCK_SEQPACKET') || argv.some((one) => one.includes('SOCK_SEQPACKET')))
    return telemetryReplies(world, machine, argv)
  if (script.includes('systemctl reboot')) world.reboots.set(machine, (world.reboots.get(machine) ?? 0) + 1)
  const vm = world.vm(machine)
  return vm ? guestAnswer(world, vm, argv, script) : ''
}

/** A lease that is held, or counters that are read, until nobody wants them any more. */
async function untilInputEnds({ argv, options: { input, onLine, signal } }: Asked): Promise<string> {
  if (input === undefined || typeof input === 'string' || Buffer.isBuffer(input)) return ''
  onLine?.(argv.some((one) => one.includes('dpbench-lease')) ? leasedLine : readyLine)
  await new Promise<void>((resolve) => {
    input.once('end', resolve).resume()
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })
  return ''
}

async function ping({ world, argv }: Asked): Promise<string> {
  const text = pingText(argv, world.nowMs)
  if (secondsOf(argv) > 0) await world.pass(secondsOf(argv))
  return text
}

function listening({ servers }: World, machine: string): string {
  const own = servers.filter((server) => server.machine === machine)
  return own.map(({ port }) => `LISTEN 0 1 0.0.0.0:${port} 0.0.0.0:*`).join('\n')
}

function guestAnswer(world: World, vm: VmConfig, argv: readonly string[], script: string): string {
  const links = JSON.stringify(linksOf(world, vm))
  if (argv[0] === 'ip' && argv.includes('-json') && argv.includes('address')) return links
  if (script.includes('ip -json address show')) {
    const route = `default via ${world.assumed.token(`gateway of ${vm.name}`)} dev ${managementNic(world, vm)}`
    return [bootOf(world, vm.name), links, world.guests.dhcpClient, route, '', route, ''].join('\f')
  }
  if (script.startsWith('cat /proc/sys/kernel/random/boot_id')) return stateOf(world, vm)
  if (script.includes('iperf3 --version')) {
    const route = JSON.stringify([{ dev: argv[4] ?? '' }])
    return ['iperf 3.16\nstatus 0', '0 0 0', '4096 16384 4194304', '4096 131072 6291456', route, ''].join(
      '\f',
    )
  }
  if (script.includes('iperf --version')) return 'iperf version 2.1.8'
  if (script.includes('cat tx_packets tx_bytes')) {
    const { packets, bytes } = world.sent.get(vm.name) ?? { packets: 0, bytes: 0 }
    return `${packets}\n${bytes}\n`
  }
  return ''
}

function bootOf({ assumed, reboots }: World, machine: string): string {
  const count = reboots.get(machine) ?? 0
  const after = count === 0 ? '' : ` after its reboot${count === 1 ? '' : ` ${count}`}`
  return assumed.token(`boot id of ${machine}${after}`)
}

/** As `guestState` reads it; shown nowhere, and held against the same later. */
function stateOf({ reboots }: World, { name, ipv4, ipv6 }: VmConfig): string {
  const boot = String(reboots.get(name) ?? 0).padStart(12, '0')
  const own = [ipv4 === undefined ? [] : `inet ${ipv4}/32`, ipv6 === undefined ? [] : `inet6 ${ipv6}/128`]
  const addresses = own.flat().map((each) => `2: data    ${each} scope global`)
  return [`00000000-0000-4000-8000-${boot}`, 'carrier 1 1', ...addresses].join('\n')
}

function managementNic({ assumed }: World, vm: VmConfig): string {
  return assumed.token(`management NIC of ${vm.name}`)
}

/** As `ip -json address` tells of them, leased. */
function linksOf(world: World, vm: VmConfig): object[] {
  const up = { link_type: 'ether', operstate: 'UP', flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'] }
  const own = [
    ...(vm.ipv4 === undefined ? [] : [{ family: 'inet', local: vm.ipv4, prefixlen: 32 }]),
    ...(vm.ipv6 === undefined ? [] : [{ family: 'inet6', local: vm.ipv6, prefixlen: 128 }]),
    { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
  ]
  const management = { ifname: managementNic(world, vm), address: vm.macAddress, mtu: 1500, addr_info: [] }
  return [
    { ...up, ...management },
    { ...up, ifname: world.nic(vm.name), address: '02:00:00:00:00:01', mtu: world.mtu(vm), addr_info: own },
  ]
}
