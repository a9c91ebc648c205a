/** Outputs of real iperf3 runs, and flows made from figures. */
import { readFileSync } from 'node:fs'
import { parseIperf3, type Iperf3Output, type Iperf3Run } from '../../src/traffic/iperf3/parse.ts'
import type { FlowInput } from '../../src/traffic/iperf3/window.ts'

export function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/iperf3/${name}.json`, import.meta.url), 'utf8')
}

/** The fixture with parts of its document replaced, as text. */
// oxlint-disable-next-line typescript/no-explicit-any -- a test reaches into any place of a foreign document
export function altered(name: string, change: (document: any) => void): string {
  const document = JSON.parse(fixture(name))
  change(document)
  return JSON.stringify(document)
}

export function runOf(output: Iperf3Output): Iperf3Run {
  if (output.state !== 'complete') throw new Error(output.faults.join('; '))
  return output.run
}

export function faultsOf(output: Iperf3Output): readonly string[] {
  return output.state === 'faulty' ? output.faults : []
}

export interface MadeFlow {
  readonly startMs: number
  /** Received per interval of one second; an interval of another length is `[seconds, bytes]`. */
  readonly received: readonly (number | readonly [number, number])[]
  readonly sent?: MadeFlow['received']
}

/** A flow with exact figures, as if it had been parsed. */
export function madeFlow(name: string, { startMs, received, sent = received }: MadeFlow): FlowInput {
  const like = runOf(parseIperf3(fixture('plain.client')))
  const run = (side: 'client' | 'server', list: MadeFlow['received']): Iperf3Output => ({
    state: 'complete',
    run: {
      ...like,
      side,
      sending: side === 'client',
      startedAtMs: startMs,
      startPrecisionMs: 1,
      intervals: spread(list),
    },
  })
  return {
    name,
    client: { machine: 'vm3', output: run('client', sent) },
    server: { machine: 'vm1', output: run('server', received) },
  }
}

function spread(list: MadeFlow['received']): Iperf3Run['intervals'] {
  let reached = 0
  return list.map((entry) => {
    const [seconds, bytes] = typeof entry === 'number' ? [1, entry] : entry
    const startSeconds = reached
    reached += seconds
    return { startSeconds, endSeconds: reached, bytes, retransmits: undefined }
  })
}
