/** What ping, sockperf, ss and the NIC's counters print, read from recorded outputs. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { wrongSize } from '../../src/traffic/interface-counters.ts'
import { mssInUse, parseSockets } from '../../src/traffic/kernel-sockets.ts'
import { percentilesOf } from '../../src/traffic/percentiles.ts'
import { parsePing } from '../../src/traffic/ping.ts'
import { parseSockperf } from '../../src/traffic/sockperf.ts'

const recorded = (path: string): string => readFileSync(new URL(`fixtures/${path}`, import.meta.url), 'utf8')

describe('ping', () => {
  test('each answer with its time, and the counts', () => {
    const output = parsePing(recorded('ping/loopback.txt'))!
    expect(output).toMatchObject({ sent: 40, received: 40 })
    expect(output.echoes).toHaveLength(40)
    const times = output.echoes.map(({ rttSeconds }) => rttSeconds)
    // its own summary: rtt min/avg/max/mdev = 0.007/0.011/0.040/0.005 ms
    expect([Math.min(...times), Math.max(...times)]).toEqual([0.000007, 0.00004])
    expect(output.echoes[1]!.atMs - output.echoes[0]!.atMs).toBeGreaterThan(4)
  })

  test('a duplicate is no further answer; without the closing statistics there is nothing', () => {
    const text = recorded('ping/loopback.txt')
    const [line] = /^\[.*icmp_seq=2 .*$/m.exec(text)!
    expect(parsePing(text.replace(line, `${line}\n${line} (DUP!)`))!.echoes).toHaveLength(40)
    expect(parsePing(text.slice(0, 500))).toBeUndefined()
  })
})

describe('sockperf', () => {
  test('percentiles in seconds, and transactions of the valid stretch', () => {
    expect(parseSockperf(recorded('sockperf/tcp.txt'))).toEqual({
      transactionsPerSecond: 82_048 / 1.55,
      p50: expect.closeTo(14.21e-6, 12),
      p90: expect.closeTo(15.432e-6, 12),
      p99: expect.closeTo(66.157e-6, 12),
      p999: expect.closeTo(502.121e-6, 12),
      max: expect.closeTo(7272.786e-6, 12),
      dropped: 0,
    })
    expect(parseSockperf(recorded('sockperf/udp.txt'))).toBeDefined()
  })

  test('a refused connection has no figures, although its exit status is 0', () => {
    expect(parseSockperf(recorded('sockperf/refused.txt'))).toBeUndefined()
  })
})

describe('ss', () => {
  test("of each port the data connection's segment size, not the control connection's", () => {
    const sockets = parseSockets(recorded('ss/mss.txt'))
    expect([...sockets.keys()].sort()).toEqual([5998, 5999])
    expect(sockets.get(5999)).toMatchObject({ mss: 988 })
    expect(sockets.get(5998)).toMatchObject({ mss: 65_483 })
  })

  test('what was asked for counts timestamps in', () => {
    const socket = { mss: 988, sentBytes: 1 }
    expect(mssInUse(socket, 1000)).toBe(1000)
    expect(mssInUse(socket, 988)).toBe(988)
    expect(mssInUse(socket, 1400)).toBe(988)
  })
})

describe('packets of another size than asked for', () => {
  const none = { sentPackets: 10, sentBytes: 10 }
  const after = (packets: number, size: number) => ({
    sentPackets: 10 + packets,
    sentBytes: 10 + packets * size,
  })

  test('are seen by what the NIC counted', () => {
    expect(wrongSize(none, after(1000, 106), 64, 'ipv4')).toBeUndefined()
    expect(wrongSize(none, after(1000, 126), 64, 'ipv6')).toBeUndefined()
    expect(wrongSize(none, after(1000, 1514), 64, 'ipv4')).toMatch(/106 B were to be sent .* 1514\.0 B/)
    expect(wrongSize(none, none, 64, 'ipv4')).toMatch(/counted no packet/)
  })
})

test('percentiles are values that were seen', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index)
  expect(percentilesOf(values, 'it')).toEqual({ p50: 100, p95: 190, p99: 198, max: 200 })
  expect(percentilesOf([7], 'it')).toEqual({ p50: 7, p95: 7, p99: 7, max: 7 })
  expect(() => percentilesOf([], 'ping, idle')).toThrow('ping, idle: no value')
})
