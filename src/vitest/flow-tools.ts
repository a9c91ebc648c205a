/** One repetition's flows by the tool that suits the path: iperf3 to one receiver, iperf 2 where one of several is chosen. */
import { shell } from '../core/shell-quote.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { iperf2Files, iperf2Inputs } from '../traffic/iperf2/flow-inputs.ts'
import { runIperf2 } from '../traffic/iperf2/run.ts'
import { flowInputs, rawFiles } from '../traffic/iperf3/flow-inputs.ts'
import { runIperf3 } from '../traffic/iperf3/run.ts'
import { type FlowInput, runSeconds } from '../traffic/iperf3/window.ts'
import { serversOn } from '../traffic/server-end.ts'
import type { RunContext } from './run-context.ts'
import type { ThroughputRequest } from './throughput.ts'

export interface FlowRequest extends ThroughputRequest {
  /** The receivers among which something on the path chooses; `to` is the first of them. */
  readonly backends?: readonly VirtualMachine[]
}

export interface RanFlows {
  readonly inputs: readonly FlowInput[]
  /** Raw outputs: name and content. */
  readonly files: readonly (readonly [name: string, content: string])[]
}

/** @throws MeasurementError when a port is taken or a server does not come to listen; ConnectionError */
export async function runFlows(
  request: FlowRequest & {
    readonly flows: number
    readonly number: number
    readonly ready: () => Promise<void>
    readonly sent: () => void
  },
  run: RunContext,
  signal: AbortSignal,
): Promise<RanFlows> {
  const { from, to, family, through, backends } = request
  const prefix = `${family}-repetition-${request.number}`
  const common = {
    from,
    address: request.address ?? to.overlayAddress(family),
    family,
    flows: request.flows,
    seconds: runSeconds(run.config.measurement),
    runId: run.runId,
    ready: request.ready,
    sent: request.sent,
  }
  if (backends === undefined) {
    const raw = await runIperf3({ ...common, to: serversOn(to), firstPort: through?.ports?.[0] }, signal)
    const inputs = flowInputs(raw, { from: from.name, to: to.name })
    return { inputs, files: rawFiles(raw, prefix) }
  }
  const port = through?.ports?.[0] ?? 5201
  const version = (await iperf2Version(from)) ?? 'iperf 2'
  const raw = await runIperf2({ ...common, servers: backends, port }, signal)
  const inputs = iperf2Inputs(raw, { from: from.name, port, seconds: common.seconds, version })
  return { inputs, files: iperf2Files(raw, prefix) }
}

const iperf2Versions = new WeakMap<VirtualMachine, string>()

/** `iperf 2.1.8`, or `undefined` where there is none. */
async function iperf2Version(vm: VirtualMachine): Promise<string | undefined> {
  const known = iperf2Versions.get(vm)
  if (known !== undefined) return known
  // it says its version on stderr in some versions, and ends with 1 then
  const { stdout } = await vm.ssh.tryRun(shell('command -v iperf >/dev/null && iperf --version 2>&1'))
  const [, version] = /^iperf version (2\.[\w.]+)/m.exec(stdout) ?? []
  if (version === undefined) return undefined
  iperf2Versions.set(vm, `iperf ${version}`)
  return `iperf ${version}`
}

/** Why iperf 2 cannot be used between `machines`; `undefined` when it can. */
export async function withoutIperf2(machines: readonly VirtualMachine[]): Promise<string | undefined> {
  const versions = await Promise.all(machines.map((machine) => iperf2Version(machine)))
  const without = machines.filter((_, index) => versions[index] === undefined).map(({ name }) => name)
  if (without.length === 0) return undefined
  return (
    `iperf 2 is not on ${without.join(', ')}: install it in the guest image (Debian calls the package iperf). iperf3 cannot ` +
    'measure through a load balancer with several backends: its two connections may go to different ones'
  )
}
