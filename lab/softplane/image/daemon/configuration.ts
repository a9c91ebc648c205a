/** Everything that the daemon is told: its command line, its configuration file and its environment. */
import { readFileSync } from 'node:fs'
import { ArgumentError, parseEalArguments, telemetrySocket, type PortSpec } from './eal-arguments.ts'
import {
  applyArguments,
  applyConfigFile,
  defaultServiceOptions,
  type ServiceOptions,
} from './service-options.ts'

export interface Configuration {
  readonly options: Readonly<ServiceOptions>
  readonly pf0: PortSpec
  /** The second physical port. It is made, and idle. */
  readonly pf1: PortSpec | undefined
  readonly virtualFunctions: readonly PortSpec[]
  /** All of them, in the order of DPDK's port numbers. */
  readonly ports: readonly PortSpec[]
  readonly telemetrySocket: string | undefined
  /** The underlay's MTU, in bytes. */
  readonly underlayMtu: number
}

const defaultConfigFile = '/run/dpservice/dpservice.conf'
/** Jumbo frames, as the underlay of a data centre has: the tunnel must fit around a guest's 1500 bytes. */
const defaultUnderlayMtu = 9000
const leastUnderlayMtu = 1280

/** @throws ArgumentError with one sentence for stderr. */
export function readConfiguration(argv: readonly string[], env: NodeJS.ProcessEnv): Configuration {
  const separator = argv.indexOf('--')
  const eal = separator < 0 ? argv : argv.slice(0, separator)
  const ports = parseEalArguments(eal)
  const options = defaultServiceOptions(env.DP_GRPC_PORT)
  applyConfigFile(options, configFile(env.DP_CONF))
  applyArguments(options, separator < 0 ? [] : argv.slice(separator + 1))
  if (options.nicType !== 'tap') {
    throw new ArgumentError(
      `no ${options.nicType} card can be served here: only --nic-type=tap with --vdev=net_tapN ports`,
    )
  }
  if (!options.ipv6) throw new ArgumentError('the underlay address is missing: --ipv6')
  if (!options.vfPattern) throw new ArgumentError('the pattern of virtual functions is missing: --vf-pattern')
  const physical = (option: 'pf0' | 'pf1'): PortSpec | undefined => {
    const port = ports.find(({ netdev }) => netdev === options[option])
    if (options[option] && !port)
      throw new ArgumentError(`--${option}=${options[option]} is no --vdev port's iface`)
    return port
  }
  const pf0 = physical('pf0')
  const pf1 = physical('pf1')
  if (!pf0) throw new ArgumentError('the first physical port is missing: --pf0')
  if (pf0 === pf1) throw new ArgumentError('--pf0 and --pf1 are the same port')
  const virtualFunctions = ports.filter(({ netdev }) => netdev.startsWith(options.vfPattern))
  const stray = ports.find((port) => port !== pf0 && port !== pf1 && !virtualFunctions.includes(port))
  if (stray)
    throw new ArgumentError(`port ${stray.netdev} is neither --pf0 nor --pf1 nor matches --vf-pattern`)
  return {
    options,
    pf0,
    pf1,
    virtualFunctions,
    ports,
    telemetrySocket: telemetrySocket(eal),
    underlayMtu: underlayMtu(env.SOFTPLANE_UNDERLAY_MTU),
  }
}

function configFile(variable: string | undefined): string {
  if (variable === '') return ''
  try {
    return readFileSync(variable ?? defaultConfigFile, 'utf8')
  } catch (error) {
    if (variable === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new ArgumentError(`Error opening config file '${variable ?? defaultConfigFile}'`, { cause: error })
  }
}

function underlayMtu(variable: string | undefined): number {
  if (!variable) return defaultUnderlayMtu
  const mtu = Number(variable)
  if (Number.isInteger(mtu) && mtu >= leastUnderlayMtu && mtu <= 65535) return mtu
  throw new ArgumentError(`SOFTPLANE_UNDERLAY_MTU=${variable} is not an MTU (${leastUnderlayMtu} to 65535)`)
}
