/**
 * The arguments before `--`: DPDK's environment abstraction layer. softplane has no use for most of them, but takes
 * and refuses what DPDK does, so that one configuration serves both. From `--vdev=net_tapN,…` it makes its ports.
 */

export class ArgumentError extends Error {}

/** A port, as `--vdev=net_tap2,iface=dtapvf_0,mac=…` describes it. */
export interface PortSpec {
  /** The device's name towards the clients: `net_tap2`. */
  readonly device: string
  /** The netdev on the hypervisor: `dtapvf_0`. */
  readonly netdev: string
  /** The port's own address, at the data plane's end. */
  readonly mac: string
}

const withValue = words(`
  -l -c -n -m -r -d -s -S -a -b --allow --block --vdev --lcores --main-lcore --remap-lcore-ids --file-prefix
  --huge-dir --huge-worker-stack --socket-mem --socket-limit --log-level --log-color --log-timestamp --syslog
  --proc-type --iova-mode --base-virtaddr --mbuf-pool-ops-name --vfio-intr --vfio-vf-token
  --trace --trace-dir --trace-bufsz --trace-mode --force-max-simd-bitwidth
`)
const withoutValue = words(`
  --no-pci --no-huge --no-hpet --no-shconf --no-telemetry --telemetry --in-memory --single-file-segments
  --legacy-mem --match-allocations --create-uio-dev --vmware-tsc-map
`)
/** `--huge-unlink[=existing|always|never]` */
const withOptionalValue = new Set(['--huge-unlink'])

const macPattern = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i
const netdevPattern = /^[^\s/:,]{1,15}$/

/**
 * The ports that the arguments name, in their order.
 * @throws ArgumentError on what DPDK does not know, and on a port that could not be made.
 */
export function parseEalArguments(args: readonly string[]): PortSpec[] {
  const ports: PortSpec[] = []
  const rest = [...args]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const { name, inline } = splitOption(word)
    if (withoutValue.has(name) && inline === undefined) continue
    if (withOptionalValue.has(name)) continue
    if (!withValue.has(name)) throw new ArgumentError(`EAL: unrecognized option '${word}'`)
    const value = inline ?? rest.shift()
    if (value === undefined) throw new ArgumentError(`EAL: option '${name}' requires an argument`)
    if (name === '-l') checkCores(value)
    if (name === '--vdev') ports.push(parseVdev(value))
  }
  for (const key of ['device', 'netdev', 'mac'] as const) {
    const twice = ports.find((port, index) =>
      ports.some((other, at) => at < index && other[key] === port[key]),
    )
    if (twice) throw new ArgumentError(`EAL: two ports have the ${key} '${twice[key]}'`)
  }
  return ports
}

/**
 * Where DPDK opens its telemetry socket for a root user (`rte_eal_get_runtime_dir`), or nothing with `--no-telemetry`. The
 * arguments have been checked.
 */
export function telemetrySocket(args: readonly string[]): string | undefined {
  if (args.includes('--no-telemetry')) return undefined
  let prefix = 'rte'
  for (const [index, word] of args.entries()) {
    const { name, inline } = splitOption(word)
    if (name === '--file-prefix') prefix = inline ?? args[index + 1] ?? prefix
  }
  return `/var/run/dpdk/${prefix}/dpdk_telemetry.v2`
}

function splitOption(word: string): { name: string; inline: string | undefined } {
  if (word.startsWith('--')) {
    const at = word.indexOf('=')
    return at < 0
      ? { name: word, inline: undefined }
      : { name: word.slice(0, at), inline: word.slice(at + 1) }
  }
  const short = word.slice(0, 2)
  return { name: short, inline: word.length > 2 ? word.slice(2) : undefined }
}

function checkCores(value: string): void {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(value)) throw new ArgumentError(`EAL: invalid core list '${value}'`)
}

function parseVdev(value: string): PortSpec {
  const [device = '', ...pairs] = value.split(',')
  const keys = new Map(pairs.map((pair): [string, string] => splitPair(pair)))
  const netdev = keys.get('iface') ?? ''
  const mac = (keys.get('mac') ?? '').toLowerCase()
  const wrong = (what: string): ArgumentError => new ArgumentError(`EAL: --vdev=${value}: ${what}`)
  if (!/^net_tap\d{1,6}$/.test(device)) throw wrong('only net_tapN devices are served here')
  if (!netdevPattern.test(netdev)) throw wrong('iface= must name a network device')
  if (!macPattern.test(mac)) throw wrong('mac= must be a MAC address')
  if (Number.parseInt(mac.slice(0, 2), 16) % 2 === 1) throw wrong('mac= must not be a group address')
  return { device, netdev, mac }
}

function splitPair(pair: string): [string, string] {
  const [key = '', text = ''] = pair.split('=', 2)
  return [key, text]
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/))
}
