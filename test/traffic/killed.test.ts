/** An iperf3 that somebody killed is the first reason, whatever the other end makes of it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { flowInputs } from '../../src/traffic/iperf3/flow-inputs.ts'
import { alignFlows } from '../../src/traffic/iperf3/window.ts'
import { killerOf } from '../../src/traffic/processes.ts'

const recorded = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, 'fixtures/iperf3', name), 'utf8')
const window = { warmUpSeconds: 0, keptSeconds: 1, warmDownSeconds: 0 }

test.each([
  [137, 'SIGKILL'],
  [139, 'SIGSEGV'],
  [143, undefined], // dpbench ends a server so
  [130, undefined],
  [1, undefined],
  [0, undefined],
  [null, undefined],
])('exit status %s is the signal %s', (status, signal) => {
  expect(killerOf(status)).toBe(signal)
})

test.each(['client', 'server'] as const)('the %s was killed', async (end) => {
  const none = { stdout: '', stderr: 'Killed', exitCode: 137, launchedAtMs: 0 }
  const file = end === 'server' ? 'server-killed.client.json' : 'client-killed.server.json'
  const other = { stdout: await recorded(file), stderr: '', exitCode: 1, launchedAtMs: 0 }
  const [client, server] = end === 'client' ? [none, other] : [other, none]
  const inputs = flowInputs([{ name: 'flow 1', port: 5201, client, server }], { from: 'vm3', to: 'vm1' })
  const [flow] = alignFlows(inputs, window).flows
  const machine = end === 'client' ? 'vm3' : 'vm1'
  expect(flow?.faults[0]).toBe(`${end} on ${machine}: iperf3 was killed (SIGKILL)`)
  expect(flow?.faults.length).toBeGreaterThan(1)
})
