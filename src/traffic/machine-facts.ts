/** What one end of a measurement is at its beginning: asked in one command, as a round trip costs an emulated guest much. */
import { z } from 'zod'
import { MeasurementError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { toolJson } from '../core/tool-output.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'

export interface MachineFacts {
  readonly name: string
  /** The traffic tool's first line about itself. */
  readonly tool: string
  /** `/proc/loadavg` */
  readonly load: string
  /** The offload settings of the interface that are on; none where there is no ethtool. */
  readonly offloads: readonly string[]
  /** The most that the kernel lets a socket's buffer grow to: Linux's third number of these settings. */
  readonly sendBufferBytes: number
  readonly receiveBufferBytes: number
  /** The interface of the route to the peer. */
  readonly route: string | undefined
}

const facts = `set -u
section() { printf '\\f'; }
iperf3 --version 2>&1; echo "status $?"
section; cat /proc/loadavg
section; cat /proc/sys/net/ipv4/tcp_wmem
section; cat /proc/sys/net/ipv4/tcp_rmem
section; ip -json route get "$2" || true
section; ethtool -k "$1" 2>/dev/null || true`

/** @throws MeasurementError when iperf3 does not run there; CommandError */
export async function machineFacts(
  machine: TrafficEnd,
  networkInterface: string,
  peer: string,
): Promise<MachineFacts> {
  const { stdout } = await machine.ssh.run(shell(facts, networkInterface, peer))
  const [tool = '', load = '', wmem = '', rmem = '', route = '', offloads = ''] = stdout.split('\f')
  const said = tool.trim().split('\n')
  if (said.at(-1) !== 'status 0') {
    throw new MeasurementError(
      `${machine.name}: iperf3 does not run there (${said.slice(0, -1).join(' ')}); install it there`,
    )
  }
  const on = offloads.matchAll(/^\s*([a-z0-9-]+): on/gm)
  return {
    name: machine.name,
    tool: said[0] ?? '',
    load: load.trim(),
    offloads: [...on].map((match) => match[1]!),
    sendBufferBytes: largestBuffer(wmem),
    receiveBufferBytes: largestBuffer(rmem),
    route: route.trim() ? toolJson(routes, route, `${machine.name}: ip -json route`)[0]?.dev : undefined,
  }
}

/** Of `ip -json route get`. */
export const routes = z.array(z.looseObject({ dev: z.string().optional(), prefsrc: z.string().optional() }))

function largestBuffer(setting: string): number {
  return Number(setting.trim().split(/\s+/)[2] ?? 0)
}
