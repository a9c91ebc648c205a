import { describe, expect, expectTypeOf, test } from 'vitest'
import { parseIperf3 } from '../../src/traffic/iperf3/parse.ts'
import { alignFlows, runSeconds, type AlignedFlows, type FlowInput } from '../../src/traffic/iperf3/window.ts'
import type { Sample, SampleProvenance } from '../../src/verdict/sample.ts'
import { altered, fixture, madeFlow } from './fixtures.ts'

const plan = { warmUpSeconds: 2, keptSeconds: 3, warmDownSeconds: 1 }

function measured(aligned: AlignedFlows): AlignedFlows & { state: 'measured' } {
  if (aligned.state !== 'measured') throw new Error(JSON.stringify(aligned))
  return aligned
}

test('an aligned result is a sample once its provenance is added', () => {
  expectTypeOf<SampleProvenance & AlignedFlows>().toExtend<Sample>()
})

test('a client runs for all three parts', () => {
  expect(runSeconds(plan)).toBe(6)
})

describe('the window', () => {
  test('lies after the warm-up of the flow that started last, and is the same time for all', () => {
    const flows = [
      madeFlow('flow 1', { startMs: 10_000, received: [1, 1, 1, 1000, 2000, 3000, 1] }),
      madeFlow('flow 2', { startMs: 11_000, received: [7, 7, 100, 200, 300, 7] }),
    ]
    const aligned = measured(alignFlows(flows, plan))
    expect(aligned.window).toMatchObject({ startMs: 13_000, seconds: 3, overlap: 1 })
    expect(aligned.receiver.bytes).toBe(6000 + 600)
    expect(aligned.receiver.bitsPerSecond).toBe((6600 * 8) / 3)
  })

  test('is not what the averages of the flows add up to', () => {
    const alone = { startMs: 0, received: [9000, 9000, 1000, 1000, 1000, 1000] }
    const late = { startMs: 1000, received: [1000, 1000, 1000, 1000, 9000, 9000] }
    const aligned = measured(
      alignFlows([madeFlow('a', alone), madeFlow('b', late)], { ...plan, keptSeconds: 1 }),
    )
    const sumOfAverages = [alone, late]
      .map(({ received }) => received.reduce((sum, bytes) => sum + bytes, 0) / received.length)
      .reduce((a, b) => a + b)
    expect(aligned.receiver.bytes).toBe(2000)
    expect(sumOfAverages).toBeGreaterThan(7000)
  })

  test('divides an interval pro rata', () => {
    const flows = [
      madeFlow('a', { startMs: 0, received: [0, 0, 0, 0, 0, 0, 0] }),
      madeFlow('b', { startMs: 250, received: [8, 8, 800, 80, 80, 400, 8] }),
    ]
    const shifted = [flows[1], madeFlow('c', { startMs: 500, received: [1, 1, 1, 1, 1, 1, 1] })]
    const aligned = measured(
      alignFlows(
        shifted.filter((flow) => flow !== undefined),
        plan,
      ),
    )
    // From 2.5 to 5.5 s; flow b counts from 0.25 s, so its seconds 2.25 to 5.25: ¾·800 + 80 + 80 + ¼·400.
    expect(aligned.flows[0]?.receiver?.bytes).toBe(860)
    expect(aligned.flows[1]?.receiver?.bytes).toBe(3)
  })

  test('takes intervals of any length', () => {
    const flow = madeFlow('a', {
      startMs: 0,
      received: [
        [1.5, 3],
        [2.5, 2500],
        [2, 600],
      ],
    })
    // Seconds 2 to 5: 2 s of the second interval at 1000 B/s, 1 s of the third at 300.
    expect(measured(alignFlows([flow], plan)).receiver.bytes).toBe(2300)
  })

  test('ends with the first flow that ends, and says how much of it all flows shared', () => {
    const flows = [
      madeFlow('a', { startMs: 0, received: [1, 1, 1, 1, 1, 1] }),
      madeFlow('b', { startMs: 2500, received: [1, 1, 1, 1, 1, 1] }),
    ]
    expect(measured(alignFlows(flows, plan)).window).toMatchObject({ seconds: 1.5, overlap: 0.5 })
  })

  test('is lost when the flows never ran together', () => {
    const flows = [
      madeFlow('a', { startMs: 0, received: [1, 1, 1, 1, 1, 1] }),
      madeFlow('b', { startMs: 9000, received: [1, 1, 1, 1, 1, 1] }),
    ]
    const aligned = alignFlows(flows, plan)
    expect(aligned).toMatchObject({
      state: 'unusable',
      faults: ['the flows share no window: warmed up, b began 5.0 s after the end of a'],
    })
  })

  test('keeps the sender apart, and the gap', () => {
    const flow = madeFlow('a', {
      startMs: 0,
      received: [0, 0, 90, 90, 90, 0],
      sent: [0, 0, 100, 100, 100, 0],
    })
    const aligned = measured(alignFlows([flow], plan))
    expect(aligned.sender.bytes).toBe(300)
    expect(aligned.receiver.bytes).toBe(270)
    expect(aligned.gap).toBeCloseTo(0.1)
  })

  test('shows intervals in which nothing moved, and not the sliver at the end', () => {
    const flow = madeFlow('a', {
      startMs: 0,
      received: [0, 5, 5, 0, [1.0, 5], [0.0001, 0]],
      sent: [5, 5, 5, 5, 5],
    })
    const [aligned] = measured(alignFlows([flow], plan)).flows
    expect(aligned?.receiver?.emptyIntervals).toEqual([[3, 4]])
    expect(aligned?.sender?.emptyIntervals).toEqual([])
  })
})

const input = (
  launchedAtMs?: number,
  clockOffsetMs?: number,
  stampMs = 50_000,
  precision = 1000,
): FlowInput => {
  const flow = madeFlow('a', { startMs: stampMs, received: [1, 1, 1, 1, 1, 1] })
  const { output } = flow.client
  if (output.state !== 'complete') throw new Error('made flows are complete')
  return {
    ...flow,
    client: { machine: 'vm3', output: { ...output, run: { ...output.run, startPrecisionMs: precision } } },
    launchedAtMs,
    clockOffsetMs,
  }
}
const windowOf = (flow: FlowInput) => measured(alignFlows([flow], plan)).window

const end = (name: string, machine: string) => ({ machine, output: parseIperf3(fixture(name)) })

describe('start times', () => {
  test.for([
    ['the launch, inside the stamped second', input(50_400), 52_400, 0],
    ['the stamped second, when connecting took longer', input(48_700), 52_000, 1000],
    ['the stamp, when the launch was read from another clock', input(59_000), 52_000, 1000],
    ['the stamp, without a launch', input(), 52_000, 1000],
    ['the stamp of 3.20 in milliseconds', input(50_000, 0, 50_123, 1), 52_123, 1],
    ["moved by the machine's clock offset", input(50_400, -50_000), 2400, 0],
  ] as const)('%s', ([, flow, startMs, startUncertaintyMs]) => {
    expect(windowOf(flow)).toMatchObject({ startMs, startUncertaintyMs })
  })
})

describe('faulty flows', () => {
  test('leave no figure, and name the end and its machine', () => {
    const sound = { name: 'flow 1', client: end('plain.client', 'vm3'), server: end('plain.server', 'vm1') }
    const broken = {
      name: 'flow 2',
      client: end('server-terminated.client', 'vm3'),
      server: end('server-terminated.server', 'vm1'),
    }
    const aligned = alignFlows([sound, broken], { warmUpSeconds: 1, keptSeconds: 1, warmDownSeconds: 1 })
    expect(aligned.state).toBe('unusable')
    expect(aligned.flows.map(({ faults }) => faults)).toEqual([
      [],
      [
        'client on vm3: iperf3 reported: the server has terminated',
        'server on vm1: iperf3 reported: interrupt - the server has terminated',
      ],
    ])
  })

  test('two clients are no flow', () => {
    const flow = { name: 'flow 1', client: end('plain.client', 'vm3'), server: end('plain.client', 'vm1') }
    const [only] = alignFlows([flow], plan).flows
    expect(only?.faults).toEqual(["the outputs are not a client's and its server's"])
  })
})

describe('real flows of iperf 3.12', () => {
  const launches = [1795227412471, 1795227413475, 1795227414483]
  const flows = launches.map((launchedAtMs, index) => ({
    name: `flow ${index + 1}`,
    client: { machine: 'vm3', output: parseIperf3(fixture(`staggered-${index + 1}.client`)) },
    server: { machine: 'vm1', output: parseIperf3(fixture(`staggered-${index + 1}.server`)) },
    launchedAtMs,
  }))

  test('launched a second apart, they are summed where all three ran', () => {
    const aligned = measured(alignFlows(flows, { warmUpSeconds: 1, keptSeconds: 3, warmDownSeconds: 1 }))
    expect(aligned.window).toMatchObject({
      startMs: 1795227415483,
      seconds: 3,
      overlap: 1,
      startUncertaintyMs: 0,
    })
    // Computed apart, in Python, from the servers' intervals; the flows' own averages add up to 48.49.
    expect(aligned.receiver.bitsPerSecond / 1e9).toBeCloseTo(49.1345, 4)
    const [first] = aligned.flows
    expect(first).toMatchObject({ from: 'vm3', to: 'vm1', pathMtu: 65535 })
    expect(Math.abs(aligned.gap)).toBeLessThan(0.01)
  })

  test('with -R the server is the sender', () => {
    const reverse = {
      name: 'flow 1',
      client: { machine: 'vm3', output: parseIperf3(fixture('reverse.client')) },
      server: { machine: 'vm1', output: parseIperf3(fixture('reverse.server')) },
    }
    const aligned = measured(alignFlows([reverse], { warmUpSeconds: 1, keptSeconds: 1, warmDownSeconds: 1 }))
    expect(aligned.flows[0]).toMatchObject({ from: 'vm1', to: 'vm3' })
    expect(aligned.flows[0]?.retransmits).toBeTypeOf('number')
    expect(aligned.receiver.bitsPerSecond).toBeCloseTo(500e6, -7)
  })

  test('clocks of the two ends may differ by any amount', () => {
    const shifted = flows.map((flow, index) => ({
      ...flow,
      server: {
        machine: 'vm1',
        output: parseIperf3(
          altered(
            `staggered-${index + 1}.server`,
            (document) => (document.start.timestamp.timesecs -= 86_400),
          ),
        ),
      },
    }))
    const window = { warmUpSeconds: 1, keptSeconds: 3, warmDownSeconds: 1 }
    expect(alignFlows(shifted, window)).toEqual(alignFlows(flows, window))
  })
})
