/** What the sampler writes, recorded on Linux 6.18 with one program busy on core 1, and the same text damaged. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { coreUse, countedBetween, seriesBetween } from '../../../src/machine/counters/difference.ts'
import { type Reading, parseReading, parseSampling } from '../../../src/machine/counters/reading.ts'

const recorded = readFileSync(new URL('fixtures/busy-core.txt', import.meta.url), 'utf8')
const { first, second } = parseSampling(recorded)

test('every part of both readings', () => {
  expect(first.uptimeSeconds).toBe(29_991.1)
  expect([...first.cores.keys()]).toEqual([0, 1])
  // nice counts as user, waiting for I/O as idle
  expect(first.cores.get(0)).toEqual({
    user: 733_107 + 133_263,
    system: 455_878,
    idle: 1_440_226 + 4493,
    irq: 0,
    softirq: 202_376,
    steal: 4838,
  })
  expect(first.softirqs.get('NET_RX')).toBe(90_954_834 + 90_614_520)
  expect(first.interfaces.get('eth0')).toEqual({
    receivedBytes: 3_404_222_356,
    receivedPackets: 88_297,
    receiveErrors: 0,
    receiveDropped: 0,
    sentBytes: 6_989_791,
    sentPackets: 55_192,
    sendErrors: 0,
    sendDropped: 0,
  })
  expect(first.tcp).toEqual({ segmentsSent: 110_413_628, segmentsRetransmitted: 55_487 })
  expect(first.drivers.get('eth0')?.get('rx_drops')).toBe(0)
  expect(second?.series.map(({ uptimeSeconds }) => uptimeSeconds)).toEqual([29_992.11, 29_993.11, 29_994.11])
})

test('the differences: shares of time, what moved, nothing of what stood still', () => {
  const use = countedBetween(first, second!.reading)
  expect(use.seconds).toBe(3.68)
  expect(use.cores).toEqual([
    { core: 0, busy: 1, user: 0.019, system: 0.5583, softirq: 0.4228, irq: 0, steal: 0 },
    { core: 1, busy: 1, user: 0.913, system: 0.0679, softirq: 0.019, irq: 0, steal: 0 },
  ])
  expect(use.softirqs['NET_RX']).toBe(91_070_949 + 90_656_320 - 90_954_834 - 90_614_520)
  expect(use.softirqs).not.toHaveProperty('IRQ_POLL')
  expect(use.interfaces.map(({ name }) => name)).toEqual(['dpb5lykk', 'dpb5lykkh2'])
  expect(use.interfaces[0]).toMatchObject({ receivedBytes: 192, receivedPackets: 3, sentBytes: 250 })
  expect(use.tcp).toEqual({ segmentsSent: 3, segmentsRetransmitted: 0 })
})

test('the series: the end of each second, its share of each core, and the rest as its own point', () => {
  expect(seriesBetween(first, second!.series, second!.reading)).toEqual([
    [1.01, 1, 1],
    [2.01, 1, 1],
    [3.01, 1, 1],
    [3.68, 1, 1],
  ])
  // a rest of fewer ticks than half a second has says nothing
  const soon = { ...second!.reading, uptimeSeconds: 29_994.5 }
  expect(seriesBetween(first, second!.series, soon)).toHaveLength(3)
})

test('half busy is half, and waiting for I/O is not busy', () => {
  const times = { user: 0, system: 0, idle: 0, irq: 0, softirq: 0, steal: 0 }
  const after = { ...times, user: 20, system: 10, softirq: 10, irq: 5, steal: 5, idle: 50 }
  expect(coreUse(new Map([[3, times]]), new Map([[3, after]]))).toEqual([
    { core: 3, busy: 0.5, user: 0.2, system: 0.1, softirq: 0.1, irq: 0.05, steal: 0.05 },
  ])
  // idle time that went back is none, and a core that came meanwhile has no share
  expect(coreUse(new Map([[3, { ...times, idle: 60 }]]), new Map([[3, after]]))[0]?.busy).toBe(1)
  expect(coreUse(new Map(), new Map([[3, after]]))).toEqual([])
})

test('losses, also those that only the driver counts; loopback and what was made anew are left out', () => {
  const counts = first.interfaces.get('eth0')!
  const changed = (interfaces: Reading['interfaces'], drivers = first.drivers): string[] => {
    const after = { ...first, uptimeSeconds: first.uptimeSeconds + 1, interfaces, drivers }
    return countedBetween(first, after).interfaces.map((each) => JSON.stringify(each))
  }
  const dropping = changed(new Map([['eth0', { ...counts, receiveDropped: 7 }]]))
  expect(dropping).toEqual([expect.stringContaining('"receiveDropped":7')])
  const byDriver = changed(
    first.interfaces,
    new Map([['eth0', new Map([...first.drivers.get('eth0')!, ['rx0_drops', 4]])]]),
  )
  expect(byDriver).toEqual([expect.stringContaining('"driverDrops":{"rx0_drops":4}')])
  const anew = new Map([
    ['eth0', { ...counts, receivedBytes: 5 }],
    ['lo', { ...first.interfaces.get('lo')!, sentBytes: 1e15 }],
    ['new0', counts],
  ])
  expect(changed(anew)).toEqual([])
})

test('a machine that was started anew meanwhile has no differences', () => {
  expect(() => countedBetween(second!.reading, first)).toThrow(/its clock went back/)
})

test('without Bash there is one reading, and the other is a command of its own', () => {
  const [alone = ''] = recorded.split(/(?<=\fready\n)/)
  expect(parseSampling(alone)).toEqual({ first })
  expect(parseReading(alone.replace('\fready\n', '\fend\n'))).toEqual(first)
})

const until = (text: string): string => recorded.slice(0, recorded.lastIndexOf(text))

test.for([
  ['nothing', '', /its first reading is incomplete/],
  ['an early end', recorded.slice(0, 900), /its first reading is incomplete/],
  ['a late end', until('\fend'), /its second reading is incomplete/],
  ['a part without its name', recorded.replaceAll('\ftcp', '\ftpc'), /its tcp are missing/],
  ['a core', recorded.replace('cpu0 733107 133263', 'cpu0 733107 -1'), /\/proc\/stat says "cpu0 733107 -1/],
  ['no cores', recorded.replace(/\fcores\n(cpu\d.*\n)+/, '\fcores\n'), /\/proc\/stat names no core/],
  ['a time', recorded.replace('29991.10 ', 'soon '), /\/proc\/uptime says "soon/],
  ['a name of TCP', recorded.replace('RetransSegs', 'Resent'), /\/proc\/net\/snmp has no RetransSegs/],
  ['columns', recorded.replace('errs drop fifo', 'errs fifo'), /\/proc\/net\/dev has the columns/],
  ['a row', recorded.replace('eth0: 3404222356', 'eth0:'), /\/proc\/net\/dev says "  eth0:/],
  ['a softirq', recorded.replace('NET_RX:', 'NET RX:'), /\/proc\/softirqs says/],
  ['a device', recorded.replace('device eth0', 'eth0'), /ethtool -S says "eth0"/],
] as const)('damaged: %s', ([, text, message]) => {
  expect(() => parseSampling(text)).toThrow(message)
})
