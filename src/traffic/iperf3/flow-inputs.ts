/** From what iperf3's processes left to flows that can be aligned. */
import { killerOf } from '../processes.ts'
import type { ProcessOutput } from '../frames.ts'
import { type Iperf3Output, type Protocol, parseIperf3 } from './parse.ts'
import type { Iperf3RawFlow } from './run.ts'
import type { FlowInput } from './window.ts'

/** Parses both ends of each flow. */
export function flowInputs(
  raw: readonly Iperf3RawFlow[],
  machines: { readonly from: string; readonly to: string },
  protocol: Protocol = 'TCP',
): FlowInput[] {
  return raw.map((flow) => ({
    name: flow.name,
    client: { machine: machines.from, output: readOutput(flow.client, protocol) },
    server: { machine: machines.to, output: readOutput(flow.server, protocol) },
    launchedAtMs: flow.client.launchedAtMs,
  }))
}

/** A process's own words, and first, where it left no JSON: what went wrong stands on stderr then. */
function readOutput({ stdout, stderr, exitCode }: ProcessOutput, protocol: Protocol): Iperf3Output {
  const output = parseIperf3(stdout, protocol)
  const said = stderr.trim()
  const killer = killerOf(exitCode)
  if (output.state === 'faulty' && killer !== undefined)
    return { ...output, faults: [`iperf3 was killed (${killer})`], killed: true }
  const status = exitCode === 0 ? '' : `exit status ${exitCode ?? 'unknown'}`
  const detail = [status, said].filter(Boolean).join(': ')
  if (output.state !== 'faulty' || !detail) return output
  return { ...output, faults: said ? [detail, ...output.faults] : [...output.faults, detail] }
}

/** Both ends' raw outputs of each flow as files: name and content. */
export function rawFiles(raw: readonly Iperf3RawFlow[], prefix: string): [name: string, content: string][] {
  return raw.flatMap((flow) => {
    const base = `${prefix}-${flow.name.replace(' ', '-')}`
    return (['client', 'server'] as const).flatMap((end): [string, string][] => {
      const { stdout, stderr } = flow[end]
      const json: [string, string] = [`${base}-${end}.json`, stdout]
      return stderr ? [json, [`${base}-${end}.stderr`, stderr]] : [json]
    })
  })
}
