/** Flows to several servers: which one took each, from real outputs of iperf 2.1.8. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ProcessOutput } from '../../src/traffic/frames.ts'
import { iperf2Files, iperf2Inputs } from '../../src/traffic/iperf2/flow-inputs.ts'
import { parseIperf2 } from '../../src/traffic/iperf2/parse.ts'
import { alignFlows } from '../../src/traffic/iperf3/window.ts'
import { faultsOf, runOf } from './fixtures.ts'

const fixture = (name: string): string =>
  readFileSync(new URL(`fixtures/iperf2/${name}.csv`, import.meta.url), 'utf8')
const output = (stdout: string, more: Partial<ProcessOutput> = {}): ProcessOutput => ({
  exitCode: 0,
  stdout,
  stderr: '',
  launchedAtMs: 1_795_243_491_500,
  ...more,
})
const raw = {
  clients: [1, 2, 3].map((n) => output(fixture(`client-${n}`))),
  servers: new Map([
    ['vm3', output(fixture('server-1'), { exitCode: 143 })],
    ['vm2', output(fixture('server-2'), { exitCode: 143 })],
  ]),
}
const run = { from: 'vm1', port: 15201, seconds: 3, version: 'iperf 2.1.8' }
const plan = { warmUpSeconds: 1, keptSeconds: 1, warmDownSeconds: 1 }

describe('what iperf 2 prints', () => {
  test('is read by connection, without the line for the whole of it', () => {
    const connections = parseIperf2(fixture('server-1'), 15201)
    expect(connections.map(({ client, intervals }) => [client.port, intervals.length])).toEqual([
      [46196, 3],
      [46202, 3],
    ])
    expect(connections[0]).toMatchObject({
      client: { host: '127.0.0.1', port: 46196 },
      server: { host: '127.0.0.1', port: 15201 },
    })
    expect(connections[0]!.intervals[0]).toEqual({
      startSeconds: 0,
      endSeconds: 1,
      bytes: 6_553_660,
      retransmits: undefined,
    })
  })

  test('may have its endpoints the other way round', () => {
    const turned = '20261121064452,10.0.0.2,15201,10.0.0.1,46196,1,0.0-1.0,100,800'
    expect(parseIperf2(turned, 15201)[0]).toMatchObject({
      client: { host: '10.0.0.1', port: 46196 },
      server: { host: '10.0.0.2', port: 15201 },
    })
  })

  test('other lines are passed over', () => {
    expect(parseIperf2('tcp connect failed: Connection refused\n', 15201)).toEqual([])
  })
})

describe('flows to several servers', () => {
  test('each is with the server that took it, and they are summed in the window that all share', () => {
    const inputs = iperf2Inputs(raw, run)
    expect(inputs.map(({ name, server }) => `${name} ${server.machine}`)).toEqual([
      'flow 1 vm3',
      'flow 2 vm2',
      'flow 3 vm3',
    ])
    const aligned = alignFlows(inputs, plan)
    expect(aligned).toMatchObject({
      state: 'measured',
      receiver: { bytes: 3 * 6_553_600 },
      window: { overlap: 1, startUncertaintyMs: 0 },
      gap: 0,
    })
    expect(runOf(inputs[1]!.server.output).connections).toEqual([
      { local: { host: '127.0.0.2', port: 15201 }, remote: { host: '127.0.0.1', port: 56448 } },
    ])
  })

  test('a flow that no server tells of is faulty, and so there is no figure', () => {
    const servers = new Map([...raw.servers].filter(([machine]) => machine === 'vm3'))
    const inputs = iperf2Inputs({ ...raw, servers }, run)
    expect(faultsOf(inputs[1]!.server.output)).toEqual([
      'no server tells of a connection from 127.0.0.1 port 56448',
    ])
    expect(alignFlows(inputs, plan).state).toBe('unusable')
  })

  test('a client that did not connect is told in its own words', () => {
    const refused = output('', { exitCode: 1, stderr: 'tcp connect failed: Connection refused\n' })
    const [flow] = iperf2Inputs({ ...raw, clients: [refused] }, run)
    expect(faultsOf(flow!.client.output)).toEqual(['tcp connect failed: Connection refused (exit status 1)'])
  })

  test('a flow that ended early, or left out a second, is faulty', () => {
    const lines = fixture('client-1').split('\n')
    const early = output(lines.slice(0, 2).join('\n'))
    const holey = output([lines[0], lines[2]].join('\n'))
    const [first, second] = iperf2Inputs({ ...raw, clients: [early, holey] }, run)
    expect(faultsOf(first!.client.output)).toEqual(['its intervals end after 2.0 of 3 s'])
    expect(faultsOf(second!.client.output)).toEqual(['no interval between second 1.0 and 2.0'])
  })

  test('all raw outputs are kept', () => {
    expect(iperf2Files(raw, 'r1').map(([name]) => name)).toEqual([
      'r1-flow-1-client.csv',
      'r1-flow-2-client.csv',
      'r1-flow-3-client.csv',
      'r1-vm3-server.csv',
      'r1-vm2-server.csv',
    ])
  })
})
