/** The search for the highest UDP rate within a loss, on paths that are arithmetic. */
import { describe, expect, test } from 'vitest'
import { type Trial, search } from '../../src/vitest/udp-limit.ts'
import { flow, sampleOf } from '../verdict/fixtures.ts'

const fastest = 1e9
const signal = new AbortController().signal

/** A path that lets `capacity` through in a short trial and `full` in the full window, and loses the rest. */
function path(capacity: number, full = capacity) {
  const rates: number[] = []
  const trial: Trial = async (asked, _name, inFull = false) => {
    const sent = asked === 0 ? fastest : asked
    rates.push(sent)
    const received = Math.min(sent, inFull ? full : capacity)
    const expected = 1_000_000
    const datagrams = { expected, lost: Math.round(expected * (1 - received / sent)), jitterMs: 0.01 }
    const sample = sampleOf(received / 1e9, { flows: [flow('flow 1', received, { datagrams })] })
    return { ...sample, sender: { bytes: (sent / 8) * 30, bitsPerSecond: sent } }
  }
  return { rates, trial }
}

describe('the highest rate without loss', () => {
  test.each([950e6, 300e6, 40e6, 5e6])('is found on a path of %d bit/s', async (capacity) => {
    const { trial, rates } = path(capacity)
    const { values, faults, samples } = await search(trial, 0.001, signal)
    expect(faults).toEqual([])
    expect(samples).toHaveLength(1)
    expect(values.received).toBeLessThanOrEqual(capacity)
    // known to 2 % of the rate; a slow path takes more of the ten halvings to come near
    expect(values.received).toBeGreaterThan(capacity * (capacity > 50e6 ? 0.97 : 0.75))
    expect(rates.length).toBeLessThanOrEqual(12)
  })

  test('is what the sender can do, where the path loses nothing', async () => {
    const { trial, rates } = path(2e9)
    expect((await search(trial, 0.001, signal)).values.received).toBe(fastest)
    expect(rates).toEqual([fastest, fastest])
  })

  test('steps down where the full window does not bear what short trials did', async () => {
    const { values, faults } = await search(path(300e6, 280e6).trial, 0.001, signal)
    expect(faults).toEqual([])
    expect(values.received).toBeGreaterThan(250e6)
    expect(values.received).toBeLessThanOrEqual(280e6)
    const far = await search(path(300e6, 50e6).trial, 0.001, signal)
    expect(far.faults[0]).toMatch(
      /lost no more than 0\.1 % in short trials, and in the full window even a quarter/,
    )
  })

  test('is not there, where whatever is sent is lost', async () => {
    const { faults } = await search(path(1e3).trial, 0.001, signal)
    expect(faults[0]).toMatch(/even at \S+ \S+bit\/s more than 0\.1 % were lost/)
  })

  test('a trial that measured nothing ends the search, and is not taken for a lossy one', async () => {
    const { trial } = path(300e6)
    let count = 0
    const breaking: Trial = async (...asked) => {
      const sample = await trial(...asked)
      const { window: _window, receiver: _receiver, sender: _sender, gap: _gap, ...rest } = sampleOf(1)
      return ++count === 3 ? { ...rest, state: 'unusable', faults: ['refused'] } : sample
    }
    const found = await search(breaking, 0.001, signal)
    expect(count).toBe(3)
    expect(found.samples).toMatchObject([{ state: 'unusable' }])
  })
})
