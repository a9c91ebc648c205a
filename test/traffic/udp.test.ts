/** UDP flows: a real one's outputs, cut to a window, with the datagrams that the receiver missed. */
import { describe, expect, test } from 'vitest'
import { flowInputs } from '../../src/traffic/iperf3/flow-inputs.ts'
import { parseIperf3 } from '../../src/traffic/iperf3/parse.ts'
import { alignFlows } from '../../src/traffic/iperf3/window.ts'
import { invalidReasons } from '../../src/verdict/validity.ts'
import { altered, faultsOf, fixture, runOf } from './fixtures.ts'

const output = (name: string, text = fixture(name)) => ({
  exitCode: 0,
  stdout: text,
  stderr: '',
  launchedAtMs: undefined,
})
const aligned = (server = fixture('udp.server')) =>
  alignFlows(
    flowInputs(
      [{ name: 'flow 1', port: 5201, client: output('udp.client'), server: output('udp.server', server) }],
      { from: 'vm3', to: 'vm1' },
      'UDP',
    ),
    { warmUpSeconds: 0, keptSeconds: 3, warmDownSeconds: 0 },
  )

describe('a UDP flow', () => {
  test('its datagrams are counted as iperf3 counted them in the end', () => {
    const [flow] = aligned().flows
    expect(flow!.datagrams).toMatchObject({ expected: 18_745, lost: 39 })
    expect(flow!.datagrams!.jitterMs).toBeGreaterThan(0.005)
    expect(flow!.datagrams!.jitterMs).toBeLessThan(0.02)
  })

  test('what it lost makes no sample invalid, though sender and receiver differ', () => {
    const lossy = altered('udp.server', ({ intervals }) => {
      for (const { sum } of intervals) sum.bytes /= 2
    })
    const result = aligned(lossy)
    const sample = { repetition: 1, startedAt: '', tool: 'iperf 3.12', flowsAsked: 1, ...result }
    expect(result.state === 'measured' && result.gap).toBeGreaterThan(0.4)
    expect(invalidReasons(sample, { profile: { onUnprovenMode: 'note' } })).toEqual([])
  })

  test('is not read as TCP, nor TCP as UDP', () => {
    expect(faultsOf(parseIperf3(fixture('udp.client')))).toContain('not TCP: UDP')
    expect(faultsOf(parseIperf3(fixture('plain.client'), 'UDP'))).toContain('not UDP: TCP')
    expect(runOf(parseIperf3(fixture('udp.client'), 'UDP')).sending).toBe(true)
  })
})
