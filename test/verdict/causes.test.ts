/** Each rule of "Why" on both sides of its limit. */
import { describe, expect, test } from 'vitest'
import { causesOf } from '../../src/verdict/causes.ts'
import type { CoreUse, InterfaceUse, MachineCounters } from '../../src/verdict/counters.ts'
import { judge } from '../../src/verdict/decide.ts'
import { notesOn } from '../../src/verdict/notes.ts'
import { summarise } from '../../src/verdict/statistics.ts'
import { type MeasuredSample, flow, planFor, sampleOf, samplesOf } from './fixtures.ts'

const software = { mode: 'non-offload' }

function core(busy: number, changes: Partial<CoreUse> = {}): CoreUse {
  return { core: 0, busy, user: busy / 4, system: busy / 4, softirq: busy / 2, steal: 0, ...changes }
}

function machine(changes: Partial<MachineCounters> = {}): MachineCounters {
  const base = { machine: 'vm1', role: 'guest', ends: ['receiver'], seconds: 40, cores: [], interfaces: [] }
  return { ...base, ...changes } as MachineCounters
}

function nic(changes: Partial<InterfaceUse> = {}): InterfaceUse {
  const received = { receivedBytes: 1e9, receivedPackets: 1e6, receiveDropped: 0, receiveErrors: 0 }
  return {
    name: 'eth1',
    ...received,
    sentBytes: 0,
    sentPackets: 0,
    sendDropped: 0,
    sendErrors: 0,
    ...changes,
  }
}

/** The rules' names and messages for one sample of 9 Gbit/s, or several. */
function found(samples: Partial<MeasuredSample>[] | Partial<MeasuredSample>, plan = software): string[] {
  const list = Array.isArray(samples) ? samples : [samples]
  const all = list.map((changes, index) => sampleOf(9, { repetition: index + 1, ...changes }))
  return causesOf(all, plan).map(({ rule, message }) => `${rule}: ${message}`)
}

test('nothing is found where nothing was counted, and where nothing stands out', () => {
  expect(found({})).toEqual([])
  expect(found({ counters: [machine({ cores: [core(0.5)], interfaces: [nic()] })] })).toEqual([])
  expect(causesOf([], software)).toEqual([])
})

describe('core-busy', () => {
  const threaded = [flow('flow 1', 9e9, { sender: undefined, receiver: undefined })]
  const withCores = (...cores: CoreUse[]): Partial<MeasuredSample> => ({
    flows: threaded,
    counters: [machine({ cores })],
  })

  test.for([
    [0.95, 1],
    [0.949, 0],
  ] as const)('a core at %d: %d causes', ([busy, count]) => {
    expect(found(withCores(core(0.2), core(busy, { core: 1 })))).toHaveLength(count)
  })

  test('says whose core, which end, in which repetition, and what it did', () => {
    expect(found(withCores(core(0.2), core(0.973, { core: 1 })))).toEqual([
      'core-busy: core 1 of vm1 (receiver) was 97.3 % busy in repetition 1, mostly in softirqs',
    ])
    const [cause] = causesOf([sampleOf(9, withCores(core(1)))], software)
    expect(cause?.machine).toBe('vm1')
  })

  test('of a hypervisor, whose ends it carries', () => {
    const both = machine({ machine: 'hypervisor-1', role: 'hypervisor', ends: ['sender', 'receiver'] })
    const stolen = core(1, { steal: 0.9, user: 0.1, system: 0, softirq: 0 })
    expect(found({ flows: threaded, counters: [{ ...both, cores: [stolen] }] })).toEqual([
      'core-busy: core 0 of hypervisor-1 (hypervisor of the sender and the receiver) was 100.0 % busy in repetition 1, mostly taken by the hypervisor below it',
    ])
  })

  test('the repetition where it shows most stands for all', () => {
    expect(found([withCores(core(0.96)), withCores(core(0.5)), withCores(core(0.99))])).toEqual([
      expect.stringMatching(
        /99\.0 % busy in repetition 3, mostly in softirqs \(beyond the limit in 2 of 3\)$/,
      ),
    ])
  })

  test('counters last longer than the window: the busiest stretch of its length counts', () => {
    const window = { startMs: 0, seconds: 2, keptSeconds: 2, overlap: 1, startUncertaintyMs: 0 }
    const seen = (...shares: number[]): number => {
      const points = shares.map((share, index) => [index + 1, share])
      const counters = [machine({ cores: [core(0.7)], cpuSeries: { startMs: 0, points } })]
      return found({ flows: threaded, window, counters }).length
    }
    expect(seen(0.1, 0.95, 0.95, 0.1)).toBe(1)
    expect(seen(0.95, 0.1, 0.95, 0.1)).toBe(0)
    expect(seen(0.1, 0.95, 0.94, 0.1)).toBe(0)
    // a series shorter than the window decides nothing
    expect(seen(1)).toBe(0)
  })

  test('a core that was as busy between repetitions is said to be, and named only where no other is at the limit', () => {
    const polling = (busyAtRest?: number): CoreUse => core(1, busyAtRest === undefined ? {} : { busyAtRest })
    expect(found([withCores(polling()), withCores(polling(1))])).toEqual([
      expect.stringMatching(
        /100\.0 % busy in repetition 1.*; it was 100\.0 % busy between repetitions too: a thread that polls/,
      ),
    ])
    const other = core(0.96, { core: 1, busyAtRest: 0.1 })
    expect(found([withCores(polling(), other), withCores(polling(1), other)])).toEqual([
      expect.stringMatching(/^core-busy: core 1 .* 96\.0 % busy in repetition 1(?!.*polls)/),
    ])
  })
})

describe('one-thread', () => {
  const withVersion = (version: string, cpuPercent: number): Partial<MeasuredSample> => {
    const side = { ...flow('', 9e9).sender!, version, cpuPercent }
    return { flows: [flow('flow 1', 9e9, { sender: side, receiver: { ...side, cpuPercent: 10 } })] }
  }

  test.for([
    ['iperf 3.12', 95, 1],
    ['iperf 3.12', 94.9, 0],
    ['iperf 3.15', 99, 1],
    ['iperf 3.16', 99, 0],
    ['iperf 3.9+', 99, 1],
    ['iperf 2.1.8', 99, 0],
  ] as const)('%s whose process takes %d %% of a core: %d', ([version, percent, count]) => {
    expect(found(withVersion(version, percent))).toHaveLength(count)
  })

  test('names the end, the flow and what to do', () => {
    expect(found(withVersion('iperf 3.12', 99))).toEqual([
      'one-thread: iperf 3.12 on vm3 (sender) has one thread for each flow, and in repetition 1 flow 1 took 99.0 % of a core: more flows, or iperf3 3.16 or newer, would use the cores that are left',
    ])
  })

  test('a core of its guest at the limit is enough; without another core there is nothing to gain', () => {
    const sample = withVersion('iperf 3.12', 10)
    const at = (...cores: CoreUse[]): string[] =>
      found({ ...sample, counters: [machine({ cores })] }).filter((each) => each.startsWith('one-thread'))
    expect(at(core(0.94))).toEqual([])
    expect(at(core(0.95), core(0.3))).toEqual([
      expect.stringMatching(/on vm1 \(receiver\).* core 0 was 95\.0 % busy: more flows/),
    ])
    expect(at(core(0.95), core(0.99, { core: 1 }))).toEqual([
      expect.stringMatching(/core 1 was 99\.0 % busy: no core is left for another thread$/),
    ])
  })
})

describe('retransmits', () => {
  // 3 flows of 3 Gbit/s for 30 s: 11.25 GB each
  const again = (...counts: number[]): Partial<MeasuredSample> => ({
    flows: counts.map((retransmits, index) => flow(`flow ${index + 1}`, 3e9, { retransmits })),
  })

  test('100 per GB are not held against a path, more are', () => {
    expect(found(again(1125, 1125, 1125))).toEqual([])
    expect(found(again(1125, 1125, 1200))).toEqual([
      expect.stringMatching(
        /^retransmits: 102 segments per GB .* repetition 1, most of them in flow 3 \(vm3 → vm1\)/,
      ),
    ])
  })

  test("where the tool tells none, the sender's kernel does, over the whole run", () => {
    // 3 flows, 37 s with warm-up and warm-down: 41.6 GB
    const flows = [1, 2, 3].map((index) => flow(`flow ${index}`, 3e9))
    const sent = (segmentsRetransmitted: number): string[] => {
      const tcp = { segmentsSent: 3e7, segmentsRetransmitted }
      return found({ flows, counters: [machine({ machine: 'vm3', ends: ['sender'], tcp })] })
    }
    expect(sent(4162)).toEqual([])
    expect(sent(4163)).toHaveLength(1)
  })
})

describe('nic-drops', () => {
  // sampleOf(9): 41.625 GB over the whole run
  const dropping = (changes: Partial<InterfaceUse>, seconds = 40): string[] =>
    found({ counters: [machine({ seconds, interfaces: [nic(changes)] })] })

  test('10 per GB are not held against an interface, more are', () => {
    expect(dropping({ receiveDropped: 416 })).toEqual([])
    expect(dropping({ receiveDropped: 400, sendErrors: 17 })).toEqual([
      'nic-drops: eth1 of vm1 (receiver) lost 417 packets in repetition 1: dropped on receiving 400, send errors 17',
    ])
  })

  test('two a second are what nobody listens to', () => {
    expect(dropping({ sendDropped: 500 }, 250)).toEqual([])
    expect(dropping({ sendDropped: 500 }, 249)).toHaveLength(1)
  })

  test("the driver's own counts are as good, and not added to the kernel's", () => {
    expect(dropping({ driverDrops: { rx_discards_phy: 417 } })).toEqual([
      expect.stringMatching(/lost 417 packets in repetition 1: rx_discards_phy 417$/),
    ])
    expect(dropping({ receiveDropped: 300, driverDrops: { rx_out_of_buffer: 300 } })).toEqual([])
  })
})

describe('mss', () => {
  const segments = (mss: number | undefined, pathMtu: number | undefined, mssAsked?: number): string[] =>
    found({ flows: [flow('flow 1', 9e9, { mss, pathMtu })], ...(mssAsked !== undefined && { mssAsked }) })

  test('95 % of what the path takes, and less', () => {
    expect(segments(1357, 1500)).toEqual([])
    expect(segments(1356, 1500)).toEqual([
      expect.stringMatching(
        /^mss: segments of flow 1 \(vm3 → vm1\) carried 1356 B in repetition 1, .* of 1500 B/,
      ),
    ])
  })

  test('what was asked for, or is not known, is no cause', () => {
    expect(segments(536, 1500, 536)).toEqual([])
    expect(segments(536, undefined)).toEqual([])
    expect(segments(undefined, 1500)).toEqual([])
  })
})

describe('ceiling-reached', () => {
  const under = (gbit: number): string[] =>
    found({ ceiling: { state: 'known', bitsPerSecond: gbit * 1e9, basis: '91.76 % of 10 Gbit/s' } })

  test('95 % of it, and less', () => {
    expect(under(9.48)).toEqual([])
    expect(under(9.47)).toEqual([
      'ceiling-reached: 9.00 Gbit/s in repetition 1 is 95.0 % of what the line carries: 9.47 Gbit/s, 91.76 % of 10 Gbit/s',
    ])
    expect(found({ ceiling: { state: 'unknown', reason: 'a veth' } })).toEqual([])
  })
})

describe('software-path-busy', () => {
  const seen = (softwareShare: number, mode: string, state: 'proven' | 'disproven' = 'proven'): string[] =>
    found({ modeEvidence: { state, detail: 'counted', softwareShare } }, { mode })

  test('1 % in offload mode, and less', () => {
    expect(seen(0.0099, 'offload')).toEqual([])
    expect(seen(0.01, 'offload')).toEqual([
      'software-path-busy: the software path handled 1.0 % of the packets in repetition 1, though offload is on: counted',
    ])
  })

  test('in non-offload mode it is what was asked for, and a disproven mode is a reason already', () => {
    expect(seen(0.99, 'non-offload')).toEqual([])
    expect(seen(0.5, 'offload', 'disproven')).toEqual([])
  })
})

describe('the verdict', () => {
  const busy = { counters: [machine({ cores: [core(1)] })] }

  test('has them in every state, and they change nothing else about it', () => {
    for (const gbits of [
      [9, 9.01, 9.02, 9, 9.01, 9.02],
      [1, 1.01, 1.02, 1, 1.01, 1.02],
      [1, 14, 2, 9, 3, 12],
    ]) {
      const plain = judge(samplesOf(...gbits), planFor(5))
      const samples = samplesOf(...gbits).map((sample) => ({ ...sample, ...busy }))
      const { why, ...rest } = judge(samples, planFor(5))
      expect(rest).toEqual(plain)
      expect(why?.map(({ rule }) => rule)).toEqual(['core-busy', 'one-thread'])
      expect(plain).not.toHaveProperty('why')
    }
    const restarts = [{ machine: 'vm1', what: 'guest', detail: 'boot' }]
    const invalid = judge([sampleOf(9, { restarts, ...busy })], planFor(5))
    expect(invalid).toMatchObject({ state: 'INVALID', why: [{ rule: 'core-busy' }, { rule: 'one-thread' }] })
  })

  test('says what could not be counted', () => {
    const samples = [sampleOf(9, { countersMissing: ['vm1: no such file'] })]
    expect(notesOn(samples, summarise([9]), planFor(5))).toContain('not counted: vm1: no such file')
  })
})
