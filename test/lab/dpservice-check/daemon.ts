/**
 * Checks all that dpservice in TAP mode wants (DPSERVICE.md) and ends with a line for each thing that is missing: at once for
 * what a container is started with, after some seconds for what is done to its devices once they are there.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

interface Port {
  readonly netdev: string
  readonly mac: string
}

interface Link {
  readonly address: string
  readonly master?: string
  readonly flags: readonly string[]
}

interface Neighbour {
  readonly dst: string
  readonly lladdr?: string
  readonly router?: null
  readonly state: readonly string[]
}

const wiringDeadlineMs = 5000
const capabilities = { NET_ADMIN: 12, IPC_LOCK: 14, SYS_ADMIN: 21 } as const

function portsOf(argv: readonly string[]): Port[] {
  return argv.flatMap((argument) => {
    const [, netdev, mac] = /^--vdev=net_tap\d+,iface=([^,]+),mac=([^,]+)$/.exec(argument) ?? []
    return netdev !== undefined && mac !== undefined ? [{ netdev, mac }] : []
  })
}

function argumentFaults(argv: readonly string[]): string[] {
  const separator = argv.indexOf('--')
  const [eal, own] = [argv.slice(0, separator), argv.slice(separator + 1)]
  const after = (name: string): string | undefined =>
    eal.includes(name) ? eal[eal.indexOf(name) + 1] : undefined
  const ports = portsOf(eal).map(({ netdev }) => netdev)
  const holds: Readonly<Record<string, boolean>> = {
    'two cores: -l 0,1': after('-l') === '0,1',
    '--no-pci': eal.includes('--no-pci'),
    '--huge-unlink': eal.includes('--huge-unlink'),
    '-m 320': after('-m') === '320',
    'a --file-prefix': eal.some((argument) => /^--file-prefix=./.test(argument)),
    'TAP ports dtap0, dtap1 and dtapvf_0 with addresses': ['dtap0', 'dtap1', 'dtapvf_0'].every((each) =>
      ports.includes(each),
    ),
    '--pf0=dtap0 and --pf1=dtap1': own.includes('--pf0=dtap0') && own.includes('--pf1=dtap1'),
    '--vf-pattern=dtapvf_': own.includes('--vf-pattern=dtapvf_'),
    '--nic-type=tap': own.includes('--nic-type=tap'),
    'an underlay address: --ipv6': own.some((argument) => argument.startsWith('--ipv6=fc00:')),
    '--enable-ipv6-overlay': own.includes('--enable-ipv6-overlay'),
    'an empty DP_CONF': process.env['DP_CONF'] === '',
  }
  return Object.entries(holds).flatMap(([what, present]) => (present ? [] : [what]))
}

function containerFaults(): string[] {
  const faults: string[] = []
  if (!existsSync('/dev/net/tun') || !statSync('/dev/net/tun').isCharacterDevice())
    faults.push('the device /dev/net/tun')
  const effective = BigInt(`0x${/^CapEff:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]}`)
  for (const [name, bit] of Object.entries(capabilities)) {
    if ((effective & (1n << BigInt(bit))) === 0n) faults.push(`the capability ${name}`)
  }
  const mount = /^\S+ \/dev\/hugepages hugetlbfs (\S+)/m.exec(readFileSync('/proc/self/mounts', 'utf8'))
  if (!mount?.[1]?.split(',').includes('pagesize=2M'))
    return [...faults, 'huge pages of 2 MB at /dev/hugepages']
  try {
    execFileSync('fallocate', ['--length', '320MiB', '/dev/hugepages/check'], { stdio: 'pipe' })
  } catch {
    faults.push('320 MB of free huge pages')
  }
  rmSync('/dev/hugepages/check', { force: true })
  return faults
}

/** As DPDK makes them: they go with the process, and begin with the MAC address of their port. */
async function makeTap({ netdev, mac }: Port): Promise<void> {
  spawn('socat', ['-u', `TUN,tun-name=${netdev},tun-type=tap,iff-no-pi`, 'OPEN:/dev/null'], {
    stdio: 'inherit',
  })
  while (!existsSync(`/sys/class/net/${netdev}`)) await delay(20)
  execFileSync('ip', ['link', 'set', 'dev', netdev, 'address', mac])
}

function wiringFaults(ports: readonly Port[]): string[] {
  const plugged = ports.filter(({ netdev }) => netdev !== 'dtap1')
  return [...plugged.flatMap(linkFaults), ...routerFaults(ports[0]!)]
}

function linkFaults({ netdev, mac }: Port): string[] {
  const [link] = JSON.parse(run('ip', '-json', 'link', 'show', 'dev', netdev)) as [Link]
  return [
    ...(link.master === undefined ? [`${netdev} is in no bridge`] : []),
    ...(link.flags.includes('UP') ? [] : [`${netdev} is down`]),
    ...(link.address === mac ? [`${netdev} has the MAC address of its port`] : []),
  ]
}

function routerFaults({ netdev, mac }: Port): string[] {
  const all = JSON.parse(run('ip', '-6', '-json', 'neigh', 'show', 'dev', netdev)) as Neighbour[]
  const router = all.find((each) => 'router' in each && each.state.includes('PERMANENT'))
  if (!router) return [`${netdev} has no router among its neighbours`]
  return router.lladdr === undefined || router.lladdr === mac ? [`${netdev} is its own router`] : []
}

function run(program: string, ...argv: string[]): string {
  return execFileSync(program, argv, { encoding: 'utf8' })
}

function end(faults: readonly string[]): never {
  for (const fault of faults) process.stderr.write(`missing: ${fault}\n`)
  process.exit(1)
}

process.on('SIGTERM', () => process.exit(0))
const argv = process.argv.slice(2)
const faults = [...argumentFaults(argv), ...containerFaults()]
if (faults.length > 0) end(faults)
const ports = portsOf(argv)
for (const port of ports) await makeTap(port)
mkdirSync('/run/check', { recursive: true })
writeFileSync('/run/check/ready', '')
process.stdout.write('started\n')
const deadline = performance.now() + wiringDeadlineMs
for (;;) {
  const left = wiringFaults(ports)
  if (left.length === 0) break
  if (performance.now() > deadline) end(left)
  await delay(100)
}
process.stdout.write('wired\n')
setInterval(() => undefined, 60_000)
