import { describe, expect, test } from 'vitest'
import { parseIperf3 } from '../../src/traffic/iperf3/parse.ts'
import { altered, faultsOf, fixture, runOf } from './fixtures.ts'

describe('real outputs of iperf 3.12', () => {
  test('a client: sender, intervals, versions, start, MSS, processor', () => {
    const run = runOf(parseIperf3(fixture('plain.client')))
    expect(run).toMatchObject({
      side: 'client',
      sending: true,
      version: 'iperf 3.12',
      startPrecisionMs: 1000,
      streams: 1,
      askedMss: undefined,
      pathMtu: 65535,
    })
    expect(run.intervals).toHaveLength(3)
    expect(run.startedAtMs % 1000).toBe(0)
    expect(run.controlMss).toBeGreaterThan(1000)
    expect(run.cpuPercent).toBeGreaterThan(0)
    expect(run.intervals[0]?.retransmits).toBeTypeOf('number')
  })

  test('its server: receiver, the sliver of an interval at the end', () => {
    const run = runOf(parseIperf3(fixture('plain.server')))
    expect(run).toMatchObject({ side: 'server', sending: false, controlMss: undefined })
    const sum = run.intervals.reduce((total, { bytes }) => total + bytes, 0)
    expect(sum).toBe(run.received.bytes)
    expect(run.intervals[0]?.retransmits).toBeUndefined()
  })

  test('two streams are summed', () => {
    const run = runOf(parseIperf3(fixture('parallel.client')))
    expect(run.streams).toBe(2)
    expect((run.intervals[1]?.bytes ?? 0) * 8).toBeCloseTo(400e6, -7)
  })

  test('with -R the client receives', () => {
    expect(runOf(parseIperf3(fixture('reverse.client'))).sending).toBe(false)
    expect(runOf(parseIperf3(fixture('reverse.server'))).sending).toBe(true)
  })

  test('tcp_mss only echoes -M, so it is kept apart from what the kernel says', () => {
    expect(runOf(parseIperf3(fixture('mss.client')))).toMatchObject({ askedMss: 1000, controlMss: undefined })
  })

  test.for([
    ['refused.client', 'iperf3 reported: unable to connect to server: Connection refused'],
    ['server-killed.client', 'iperf3 reported: control socket has closed unexpectedly'],
    ['server-terminated.client', 'iperf3 reported: the server has terminated'],
    ['server-terminated.server', 'iperf3 reported: interrupt - the server has terminated'],
    ['client-killed.server', 'iperf3 reported: the client has unexpectedly closed the connection'],
  ] as const)('%s is faulty in its own words', ([name, fault]) => {
    expect(faultsOf(parseIperf3(fixture(name)))).toEqual([fault])
  })

  test('--omit is refused', () => {
    expect(faultsOf(parseIperf3(fixture('omit.client'))).join()).toContain('--omit')
  })
})

describe('altered outputs', () => {
  const client = fixture('plain.client')

  test.for([
    ['nothing', '', 'it printed nothing'],
    [
      'only a message',
      'iperf3: error - unable to connect',
      'it printed no JSON: iperf3: error - unable to connect',
    ],
    ['cut off', client.slice(0, client.length / 2), 'its JSON is cut off'],
    [
      'text after',
      `${client}iperf3: error - idle timeout`,
      'text after the JSON: iperf3: error - idle timeout',
    ],
    ['a second document', client + client, 'text after the JSON: {'],
    ['text before', `warning: MSS\n${client}`, 'text before the JSON: warning: MSS'],
    ['not iperf3', '{"start": 7}', "its JSON is not iperf3's"],
    ['empty document', '{}', 'the test never started'],
  ] as const)('%s', ([, text, fault]) => {
    expect(faultsOf(parseIperf3(text)).join('; ')).toContain(fault)
  })

  test.for([
    ['no sum_received', (d: Doc): unknown => delete d.end.sum_received, 'end.sum_received is missing'],
    [
      'an interval missing',
      (d: Doc): unknown => d.intervals.splice(1, 1),
      'no interval between second 1.0 and 2.0',
    ],
    ['the last missing', (d: Doc): unknown => d.intervals.pop(), 'its intervals end after 2.0 of 3 s'],
    ['no interval', (d: Doc): unknown => d.intervals.splice(0), 'it reported no interval'],
    ['an error key', (d: Doc): unknown => void (d.error = 'select failed'), 'iperf3 reported: select failed'],
    ['UDP', (d: Doc): unknown => void (d.start.test_start.protocol = 'UDP'), 'not TCP: UDP'],
    ['both directions', (d: Doc): unknown => void (d.start.test_start.bidir = 1), '--bidir'],
    [
      'an empty interval object',
      (d: Doc): unknown => void (d.intervals[0] = { streams: [] }),
      'an interval has no figures',
    ],
  ] as const)('%s is a fault', ([, change, fault]) => {
    expect(faultsOf(parseIperf3(altered('plain.client', change))).join('; ')).toContain(fault)
  })

  test('a brace or a nan inside a string is left alone; a bare nan is no figure', () => {
    const odd = altered('plain.client', (d: Doc): unknown => (d.start.system_info = 'a } nan \\" { kernel'))
    expect(faultsOf(parseIperf3(odd))).toEqual([])
    const nan = client.replace(/"retransmits":\s*\d+/, '"rtt_odd": -nan, "retransmits": 0')
    expect(nan).toContain('-nan')
    expect(faultsOf(parseIperf3(nan))).toEqual([])
    expect(faultsOf(parseIperf3(client.replaceAll(/"bytes":\s*\d+/g, '"bytes": nan'))).join()).toContain(
      'intervals',
    )
  })

  test('3.20 stamps milliseconds', () => {
    const newer = altered('plain.client', (d: Doc) => {
      d.start.version = 'iperf 3.20'
      d.start.timestamp.timemillisecs = d.start.timestamp.timesecs * 1000 + 61
    })
    const run = runOf(parseIperf3(newer))
    expect(run.startPrecisionMs).toBe(1)
    expect(run.startedAtMs % 1000).toBe(61)
  })

  test('where iperf3 printed no sum, the streams are added up', () => {
    const bare = altered('parallel.client', (d: Doc): unknown =>
      d.intervals.forEach((interval: Doc) => delete interval.sum),
    )
    const [whole, summed] = [fixture('parallel.client'), bare].map(
      (text) => runOf(parseIperf3(text)).intervals,
    )
    expect(summed?.map(({ bytes, retransmits }) => [bytes, retransmits])).toEqual(
      whole?.map(({ bytes, retransmits }) => [bytes, retransmits]),
    )
  })
})

// oxlint-disable-next-line typescript/no-explicit-any -- a foreign document that the tests alter anywhere
type Doc = any
