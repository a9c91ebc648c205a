/** Outages from recorded pings around a fault whose times are known, and from streams made up. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Outage, lastLossMs, outageOf, requireQuiet } from '../../src/traffic/outage.ts'
import { type Probes, parseProbeLine } from '../../src/traffic/probe-stream.ts'

function probesOf(text: string): Probes {
  const told = text.split('\n').flatMap((line) => parseProbeLine(line) ?? [])
  return {
    answers: told.filter((each) => each.rttMs !== undefined),
    silences: told.filter((each) => each.rttMs === undefined),
  }
}

const recorded = async (name: string): Promise<Probes> =>
  probesOf(await readFile(join(import.meta.dirname, 'fixtures/outage', name), 'utf8'))

function told(probes: Probes, plantedMs: number, mendedMs: number, clockMs = 1): Outage {
  const outage = outageOf(probes, { plantedMs, mendedMs, clockMs })
  if (typeof outage === 'string') throw new Error(outage)
  return outage
}

/** A packet every 10 ms from time 0, answered after 1 ms but for those of `lost` and `late` (by how long). */
function stream(
  count: number,
  lost: (sequence: number) => boolean,
  late = new Map<number, number>(),
): Probes {
  const answers = []
  const silences = []
  for (let sequence = 0; sequence < count; sequence++) {
    const rttMs = late.get(sequence) ?? 1
    if (!lost(sequence)) answers.push({ sequence, atMs: sequence * 10 + rttMs, rttMs })
    if (lost(sequence) || rttMs > 10) silences.push({ sequence, atMs: (sequence + 1) * 10 })
  }
  return { answers: answers.toSorted((a, b) => a.atMs - b.atMs), silences }
}

describe('recorded outages', () => {
  test('of a link that was out, by the clock of the commands that took it out', async () => {
    const [down, up, upped] = [1795289414862.4, 1795289415371.8, 1795289415379.2]
    const outage = told(await recorded('permanent.txt'), down, up)
    expect(outage.outageMs).toBeGreaterThan(up - down - outage.resolutionMs)
    expect(outage.outageMs).toBeLessThan(upped - down + outage.resolutionMs)
    expect(outage.recoveryMs).toBeCloseTo(1795289415381.3 - up, 0)
    expect(outage).toMatchObject({ lost: 49, over: true, stretches: 1 })
    expect(outage.resolutionMs).toBeLessThan(50)
  })

  test('until packets that waited for their neighbour were let go', async () => {
    const [down, up] = [1795289418585.6, 1795289419121]
    const outage = told(await recorded('resolved.txt'), down, up)
    expect(outage.recoveryMs).toBeCloseTo(501.3, 0)
    expect(outage.outageMs).toBeGreaterThan(1000)
    expect(outage.outageMs).toBeLessThan(1040)
    expect(outage).toMatchObject({ over: true, stretches: 1 })
  })

  test('the path before it is quiet, and the last loss is told', async () => {
    const probes = await recorded('permanent.txt')
    const before = { answers: probes.answers.slice(0, 110), silences: [] }
    expect(requireQuiet(before, 100)).toBeUndefined()
    expect(requireQuiet(before, 200)).toBe('110 answers came before the fault, and 200 are the least')
    expect(requireQuiet(probes, 100)).toMatch(/^49 of \d+ packets were lost before the fault/)
    expect(lastLossMs(probes)).toBeCloseTo(1795289415381.2, 0)
    expect(lastLossMs(before)).toBeUndefined()
  })
})

describe('streams', () => {
  test('nothing lost is no outage, and its resolution is the widest gap', () => {
    const whole = stream(200, () => false)
    expect(told(whole, 1000, 1100)).toEqual({
      outageMs: 0,
      recoveryMs: 0,
      lost: 0,
      resolutionMs: 10,
      over: true,
      stretches: 0,
    })
  })

  test.each([1, 5, 40])(
    '%i packets lost: the estimate is without bias, the truth within the resolution',
    (lost) => {
      const found = told(
        stream(300, (sequence) => sequence >= 100 && sequence < 100 + lost),
        990,
        1000,
      )
      expect(found.outageMs).toBe(lost * 10 + 1) // to the answer
      const [least, most] = [(lost - 1) * 10, (lost + 1) * 10]
      expect(found.outageMs - found.resolutionMs).toBeLessThanOrEqual(least)
      expect(found.outageMs + found.resolutionMs).toBeGreaterThanOrEqual(most)
      expect(found.lost).toBe(lost)
    },
  )

  test('recovery counts from the order to end the fault', () => {
    const probes = stream(300, (sequence) => sequence >= 100 && sequence < 150)
    expect(told(probes, 995, 1400).recoveryMs).toBe(101)
    expect(told(probes, 995, 1800).recoveryMs, 'it had come back by itself').toBe(0)
  })

  test('of several stretches the longest is the outage', () => {
    const probes = stream(300, (sequence) => sequence === 110 || (sequence >= 150 && sequence < 160))
    expect(told(probes, 1000, 1000)).toMatchObject({ outageMs: 101, lost: 11, stretches: 2, over: true })
  })

  test('an answer that waited for the path is no answer in time, but tells when the path was back', () => {
    const late = new Map(Array.from({ length: 30 }, (_, index) => [100 + index, 300 - index * 10] as const))
    const found = told(
      stream(200, () => false, late),
      990,
      1200,
    )
    expect(found.outageMs).toBe(300)
    expect(found.lost).toBe(20) // those of at most 100 ms are in time
  })

  test('nothing that comes back is not over', () => {
    const found = told(
      stream(300, (sequence) => sequence >= 100),
      990,
      1500,
    )
    expect(found).toMatchObject({ over: false, outageMs: 2000, recoveryMs: 1500 })
  })

  test('a stream that begins with the fault tells nothing', () => {
    expect(
      outageOf(
        stream(10, () => false),
        { plantedMs: 0, mendedMs: 5, clockMs: 0 },
      ),
    ).toBe('no packet was answered before the fault')
  })
})

test('lines of ping', () => {
  expect(
    parseProbeLine('[1795289414.863227] 64 bytes from 10.254.1.2: icmp_seq=120 ttl=64 time=0.019 ms'),
  ).toEqual({
    sequence: 120,
    atMs: expect.closeTo(1795289414863.227, 2),
    rttMs: 0.019,
  })
  expect(parseProbeLine('[1795289414.878299] no answer yet for icmp_seq=121')).toEqual({
    sequence: 121,
    atMs: expect.closeTo(1795289414878.299, 2),
  })
  for (const line of [
    'PING 10.254.1.2 (10.254.1.2) 56(84) bytes of data.',
    '[1795289414.863227] 64 bytes from 10.254.1.2: icmp_seq=120 ttl=64 time=0.019 ms (DUP!)',
    '[1795289414.863227] From 10.254.1.1 icmp_seq=9 Destination Host Unreachable',
    'ping: sendmsg: Network is unreachable',
  ])
    expect(parseProbeLine(line)).toBeUndefined()
})
