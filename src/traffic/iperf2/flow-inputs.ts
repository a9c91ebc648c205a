/** From what iperf 2's processes left to flows that can be aligned: a flow's server is the one that tells of its connection. */
import type { ProcessOutput } from '../frames.ts'
import type { Iperf3Output } from '../iperf3/parse.ts'
import type { FlowInput } from '../iperf3/window.ts'
import { type Iperf2Connection, endOf, parseIperf2 } from './parse.ts'
import type { Iperf2Raw } from './run.ts'

export interface Iperf2Run {
  readonly from: string
  readonly port: number
  /** What each client was to send for. */
  readonly seconds: number
  /** The client's first line about itself. */
  readonly version: string
}

export function iperf2Inputs(raw: Iperf2Raw, run: Iperf2Run): FlowInput[] {
  const taken = [...raw.servers].flatMap(([machine, { stdout }]) =>
    parseIperf2(stdout, run.port).map((connection) => ({ machine, connection })),
  )
  const everywhere = [...raw.servers.keys()].join(' or ')
  return raw.clients.map((client, index) => {
    const [sent] = parseIperf2(client.stdout, run.port)
    const at = taken.find(({ connection }) => sent && sameClient(connection, sent))
    const { seconds, version } = run
    const end = { version, launchedAtMs: client.launchedAtMs, seconds }
    return {
      name: `flow ${index + 1}`,
      client: {
        machine: run.from,
        output: sent ? withStatus(endOf(sent, { ...end, side: 'client' }), client) : silent(client),
      },
      server: {
        machine: at?.machine ?? everywhere,
        output: at ? endOf(at.connection, { ...end, side: 'server' }) : untaken(sent, raw),
      },
      launchedAtMs: client.launchedAtMs,
    }
  })
}

/** All raw outputs as files: name and content. */
export function iperf2Files(raw: Iperf2Raw, prefix: string): [name: string, content: string][] {
  const ends: [string, ProcessOutput][] = [
    ...raw.clients.map((client, index): [string, ProcessOutput] => [`flow-${index + 1}-client`, client]),
    ...[...raw.servers].map(([machine, server]): [string, ProcessOutput] => [`${machine}-server`, server]),
  ]
  return ends.flatMap(([end, { stdout, stderr }]): [string, string][] => [
    [`${prefix}-${end}.csv`, stdout],
    ...(stderr ? [[`${prefix}-${end}.stderr`, stderr] as [string, string]] : []),
  ])
}

function sameClient(a: Iperf2Connection, b: Iperf2Connection): boolean {
  return a.client.port === b.client.port && a.client.host === b.client.host
}

function silent({ stderr, exitCode }: ProcessOutput): Iperf3Output {
  const said = stderr.trim() || 'it reported nothing'
  return {
    state: 'faulty',
    faults: [`${said} (exit status ${exitCode ?? 'unknown'})`],
    version: undefined,
  }
}

/** iperf 2 ends with another status when a connection broke. */
function withStatus(output: Iperf3Output, { exitCode, stderr }: ProcessOutput): Iperf3Output {
  if (exitCode === 0) return output
  const fault = [`exit status ${exitCode ?? 'unknown'}`, stderr.trim()].filter(Boolean).join(': ')
  return output.state === 'faulty'
    ? { ...output, faults: [...output.faults, fault] }
    : { state: 'faulty', faults: [fault], version: output.run.version }
}

function untaken(sent: Iperf2Connection | undefined, { servers }: Iperf2Raw): Iperf3Output {
  const said = [...servers].flatMap(([machine, { stderr }]) =>
    stderr.trim() ? [`${machine}: ${stderr.trim()}`] : [],
  )
  const what = sent
    ? `no server tells of a connection from ${sent.client.host} port ${sent.client.port}`
    : 'no server was reached'
  return { state: 'faulty', faults: [[what, ...said].join('; ')], version: undefined }
}
