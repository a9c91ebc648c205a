import { expect, test } from 'vitest'
import { invalidReasons } from '../../src/verdict/validity.ts'
import { ceilingOf, tcpGoodputShare, tcpPayloadBytes } from '../../src/verdict/ceiling.ts'
import type { Sample } from '../../src/verdict/sample.ts'
import { flow, planFor, profile, sampleOf, type MeasuredSample } from './fixtures.ts'

const plan = planFor(8)
const strict = planFor(8, { profile: { ...profile, onUnprovenMode: 'invalid' } })

function reasonsOf(changes: Partial<MeasuredSample>, judgePlan = plan) {
  return invalidReasons(sampleOf(9, { repetition: 4, ...changes }), judgePlan)
}

test('a sound sample has nothing against it', () => {
  expect(reasonsOf({})).toEqual([])
  expect(reasonsOf({}, strict)).toEqual([])
})

test('a flow that is missing is counted and the others are named', () => {
  const [reason, ...more] = reasonsOf({ flows: [flow('flow 1', 3e9), flow('flow 3', 3e9)] })
  expect(more).toEqual([])
  expect(reason).toEqual({
    rule: 'flow-missing',
    repetition: 4,
    message: 'repetition 4: 3 flows were asked for and 2 reported: flow 1 (vm3 → vm1), flow 3 (vm3 → vm1)',
  })
})

test('a flow with an error names the flow and the end', () => {
  const broken: Sample = {
    ...sampleOf(9),
    state: 'unusable',
    flows: [
      flow('flow 1', 3e9),
      flow('flow 2', 0, { faults: ['client on vm3: iperf3 reported: Connection refused'] }),
      flow('flow 3', 3e9),
    ],
    faults: [],
  }
  expect(invalidReasons(broken, plan)).toEqual([
    {
      rule: 'flow-error',
      repetition: 1,
      flow: 'flow 2',
      message: 'repetition 1: flow 2 (vm3 → vm1): client on vm3: iperf3 reported: Connection refused',
    },
  ])
})

test('flows without a common window', () => {
  const apart: Sample = {
    ...sampleOf(9),
    state: 'unusable',
    flows: sampleOf(9).flows,
    faults: ['no shared window'],
  }
  expect(invalidReasons(apart, plan).map(({ rule }) => rule)).toEqual(['flow-error'])
})

test('an empty interval names the end and its machine, and so does a stretch without intervals', () => {
  const sound = flow('flow 2', 3e9)
  if (!sound.receiver || !sound.sender) throw new Error('made with both ends')
  const stalled = {
    ...sound,
    receiver: { ...sound.receiver, emptyIntervals: [[3, 4.001]] as const },
    sender: { ...sound.sender, coveredSeconds: 28 },
  }
  const reasons = reasonsOf({ flows: [flow('flow 1', 3e9), stalled, flow('flow 3', 3e9)] })
  expect(reasons.map(({ message, machine }) => [machine, message])).toEqual([
    [
      'vm3',
      'repetition 4: flow 2 (vm3 → vm1), sender on vm3: 2.0 s of the window of 30.0 s have no interval',
    ],
    ['vm1', 'repetition 4: flow 2 (vm3 → vm1), receiver on vm1: nothing moved between second 3.0 and 4.0'],
  ])
})

test('95 % of the window shared is enough, less is not', () => {
  const window = sampleOf(9).window
  expect(reasonsOf({ window: { ...window, overlap: 0.95 } })).toEqual([])
  const [reason] = reasonsOf({ window: { ...window, seconds: 28, overlap: 0.933 } })
  expect(reason?.message).toBe(
    'repetition 4: the flows ran together for 28.0 s of the 30 s to be kept (93.3 %, and 95.0 % is the least)',
  )
})

test('more than the line carries is invalid; an unknown ceiling says nothing', () => {
  const line = { mtu: 1500, family: 'ipv4' } as const
  expect(reasonsOf({ ceiling: ceilingOf(10e9, line) })).toEqual([])
  expect(reasonsOf({ ceiling: ceilingOf(undefined, line) })).toEqual([])
  const [reason] = reasonsOf({ ceiling: ceilingOf(5e9, line) })
  expect(reason?.message).toBe(
    'repetition 4: 9.00 Gbit/s is more than the line carries: 4.71 Gbit/s, 94.15 % of 5 Gbit/s (MTU 1500, ipv4)',
  )
})

test('each tolerance on both sides: 1 % of the window without intervals, 1 % above the ceiling', () => {
  const covering = (coveredSeconds: number): Partial<MeasuredSample> => {
    const sound = flow('flow 2', 3e9)
    const receiver = { ...sound.receiver!, coveredSeconds }
    return { flows: [flow('flow 1', 3e9), { ...sound, receiver }, flow('flow 3', 3e9)] }
  }
  expect(reasonsOf(covering(29.71))).toEqual([])
  expect(reasonsOf(covering(29.69)).map(({ rule }) => rule)).toEqual(['empty-interval'])
  const below = (share: number): Partial<MeasuredSample> => ({
    ceiling: { state: 'known', bitsPerSecond: 9e9 / share, basis: 'a line' },
  })
  expect(reasonsOf(below(1.0099))).toEqual([])
  expect(reasonsOf(below(1.0101)).map(({ rule }) => rule)).toEqual(['above-ceiling'])
})

test('what the sockets can hold is no gap: it was written and not yet read', () => {
  const sent = sampleOf(9).sender.bytes
  const holding = (share: number): Partial<MeasuredSample> => ({
    gap: 0.08,
    socketBufferBytes: (share * sent) / 3,
  })
  expect(reasonsOf(holding(0.081))).toEqual([])
  expect(reasonsOf(holding(0.079)).map(({ rule }) => rule)).toEqual(['sender-receiver-gap'])
})

test('sender and receiver may differ by 5 %, either way', () => {
  expect(reasonsOf({ gap: 0.05 })).toEqual([])
  for (const gap of [0.051, -0.051]) {
    expect(reasonsOf({ gap }).map(({ rule }) => rule)).toEqual(['sender-receiver-gap'])
  }
  const sound = flow('flow 3', 3e9)
  if (!sound.receiver) throw new Error('made with both ends')
  const leaking = { ...sound, receiver: { ...sound.receiver, bytes: sound.receiver.bytes / 2 } }
  const [reason] = reasonsOf({ gap: 0.17, flows: [flow('flow 1', 3e9), flow('flow 2', 3e9), leaking] })
  expect(reason).toMatchObject({ flow: 'flow 3', machine: 'vm1' })
})

test('an MSS that is not as asked; one that the tool hides is no reason', () => {
  expect(reasonsOf({ mssAsked: 1448 })).toEqual([])
  expect(reasonsOf({ mssAsked: 1000 }).map(({ flow: name }) => name)).toEqual(['flow 1', 'flow 2', 'flow 3'])
  const hidden = [1, 2, 3].map((index) => flow(`flow ${index}`, 3e9, { mss: undefined }))
  expect(reasonsOf({ mssAsked: 1000, flows: hidden })).toEqual([])
})

test('a restart names what and where', () => {
  const restarts = [{ machine: 'hypervisor-1', what: 'container dpservice', detail: 'it exited with 137' }]
  expect(reasonsOf({ restarts })).toEqual([
    {
      rule: 'restarted',
      repetition: 4,
      machine: 'hypervisor-1',
      message:
        'repetition 4: container dpservice on hypervisor-1 restarted while measuring: it exited with 137',
    },
  ])
})

test('a disproven mode is invalid anywhere, an unproven one where the site says so', () => {
  const disproven = { modeEvidence: { state: 'disproven', detail: '40 % in software' } } as const
  const unknown = { modeEvidence: { state: 'unknown', detail: 'no counters' } } as const
  expect(reasonsOf(disproven).map(({ rule }) => rule)).toEqual(['mode-not-proven'])
  expect(reasonsOf(unknown)).toEqual([])
  expect(reasonsOf({ modeEvidence: undefined })).toEqual([])
  expect(reasonsOf(unknown, strict)[0]?.message).toBe(
    'repetition 4: mode non-offload not proven: no counters',
  )
  expect(reasonsOf({ modeEvidence: undefined }, strict)).toHaveLength(1)
  expect(reasonsOf({ modeEvidence: undefined }, { ...strict, mode: undefined })).toEqual([])
})

test.for([
  [1500, 'ipv4', 0, 94.15],
  [1500, 'ipv6', 0, 92.85],
  [9000, 'ipv4', 0, 99.0],
  [9000, 'ipv6', 0, 98.78],
  [1500, 'ipv4', 40, 91.76], // wrapped in one IPv6 header
] as const)('goodput share of MTU %d, %s, tunnel %d B: %d %%', ([mtu, family, tunnelBytes, percent]) => {
  expect(tcpGoodputShare({ mtu, family, tunnelBytes }) * 100).toBeCloseTo(percent, 2)
})

test('the payload of a segment', () => {
  expect(tcpPayloadBytes({ mtu: 1500, family: 'ipv4' })).toBe(1448)
  expect(() => tcpPayloadBytes({ mtu: 60, family: 'ipv6' })).toThrow(RangeError)
})
