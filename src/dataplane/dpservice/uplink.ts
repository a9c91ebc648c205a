/**
 * How fast the line is that a hypervisor's dpservice sends on: the speed of its physical ports, as the kernel knows it
 * (/sys/class/net/<device>/speed, what `ethtool` shows). A device without a bus behind it has a figure there too, which is no
 * line rate: a veth says 10000, a TAP device 10.
 */
import { shell } from '../../core/shell-quote.ts'
import { describeError } from '../../core/errors.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import type { LineSpeed } from '../dataplane.ts'
import type { DpserviceSettings } from './container.ts'

/** Where dpservice looks for its own arguments before those of its command line; `DP_CONF` says otherwise. */
const defaultConf = '/run/dpservice/dpservice.conf'

/**
 * Per physical port of dpservice, a line for each device that its packets leave by: itself, or where it is a virtual one in a
 * bridge, the bridge's physical ports. Columns: port, device, physical or virtual, state, Mbit/s or `-`.
 */
const script = `conf=$1; shift
tell() {
  [ -e "/sys/class/net/$2" ] || { printf '%s %s absent - -\\n' "$1" "$2"; return; }
  kind=virtual; [ ! -e "/sys/class/net/$2/device" ] || kind=physical
  state=unknown; read -r state < "/sys/class/net/$2/operstate"
  speed=-; { read -r speed < "/sys/class/net/$2/speed"; } 2>/dev/null || speed=-
  printf '%s %s %s %s %s\\n' "$1" "$2" "$kind" "$state" "$speed"
}
port() {
  found=
  if [ ! -e "/sys/class/net/$1/device" ]; then
    for d in "/sys/class/net/$1/master/brif"/*; do
      d=\${d##*/}
      if [ -e "/sys/class/net/$d/device" ]; then tell "$1" "$d"; found=1; fi
    done
  fi
  [ -n "$found" ] || tell "$1" "$1"
}
if [ $# -eq 0 ] && [ -n "$conf" ] && [ -r "$conf" ]; then
  while read -r key value rest || [ -n "$key" ]; do
    case $key in pf0|pf1) set -- "$@" "$value";; esac
  done < "$conf"
fi
for p; do port "$p"; done`

/** Together, for dpservice uses all of its ports that are up. Never throws: what stands in the way is the reason. */
export async function uplinkSpeed(
  { name, ssh }: Hypervisor,
  settings: Pick<DpserviceSettings, 'arguments' | 'environment'>,
): Promise<LineSpeed> {
  const conf = settings.environment['DP_CONF'] ?? defaultConf
  try {
    const { stdout } = await ssh.run(shell(script, conf, ...portNames(settings.arguments)))
    return speedOf(name, stdout)
  } catch (error) {
    return unknown(`the uplinks of ${name} cannot be looked at: ${describeError(error)}`)
  }
}

/** The netdevs of `--pf0` and `--pf1`. */
export function portNames(own: readonly string[]): string[] {
  return ['--pf0', '--pf1'].flatMap((option) => {
    const at = own.findLastIndex((argument) => argument === option || argument.startsWith(`${option}=`))
    const value = at < 0 ? undefined : own[at] === option ? own[at + 1] : own[at]!.slice(option.length + 1)
    return value ? [value] : []
  })
}

/** What the script told, in one figure or one reason. */
export function speedOf(hypervisor: string, text: string): LineSpeed {
  const lines = text.split('\n').filter(Boolean)
  if (lines.length === 0) {
    return unknown(
      `neither its arguments nor dpservice.conf on ${hypervisor} say which devices dpservice's physical ports are`,
    )
  }
  const devices = lines.map((line) => {
    const [port = '', device = '', kind = '', state = '', speed = ''] = line.split(' ')
    return { port, device, kind, state, megabits: Number(speed) }
  })
  const up = devices.filter(({ state }) => state === 'up' || state === 'unknown')
  if (up.length === 0) {
    return unknown(`nothing is up of ${devices.map(({ device }) => device).join(' and ')} on ${hypervisor}`)
  }
  const virtual = up.filter(({ kind }) => kind !== 'physical')
  if (virtual.length > 0) {
    const names = virtual.map(({ device }) => device).join(' and ')
    return unknown(`there is no hardware, and so no line rate, behind ${names} on ${hypervisor}`)
  }
  const silent = up.find(({ megabits }) => !(megabits > 0))
  if (silent) return unknown(`the driver of ${silent.device} on ${hypervisor} tells no speed`)
  const distinct = [...new Map(up.map((each) => [each.device, each])).values()]
  const names = distinct.map(({ device }) => device).join(' and ')
  return {
    state: 'known',
    bitsPerSecond: distinct.reduce((sum, { megabits }) => sum + megabits * 1e6, 0),
    detail: `${names} on ${hypervisor}`,
  }
}

function unknown(reason: string): LineSpeed {
  return { state: 'unknown', reason }
}
