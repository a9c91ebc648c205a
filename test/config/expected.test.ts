/** The config's `expected`: bounds of figures beside throughput, in units that people write. */
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/core/errors.ts'
import { loadConfig } from '../../src/config/load.ts'
import { dpserviceConfig, site } from './dpservice-file.ts'

function load(expected: unknown) {
  const { cwd, env, write } = site()
  write({ ...dpserviceConfig(), expected })
  return loadConfig({ cwd, env })
}

describe('expected', () => {
  test('is turned into base units, by mode', async () => {
    const { expected } = await load({
      hw: {
        udp_loss: { at_most: 0.5, unit: 'percent' },
        rtt_p99: { at_most: 250, unit: 'us' },
        udp_limit: { at_least: 8, unit: 'Gbit/s' },
      },
    })
    expect(expected).toEqual({
      'non-offload': {},
      offload: {
        udp_loss: { bound: 'at_most', value: 0.005, unit: 'fraction' },
        rtt_p99: { bound: 'at_most', value: expect.closeTo(0.00025, 10), unit: 's' },
        udp_limit: { bound: 'at_least', value: 8e9, unit: 'bit/s' },
      },
    })
  })

  test('is not needed', async () => {
    expect((await load(undefined)).expected).toEqual({ offload: {}, 'non-offload': {} })
  })

  test.each([
    [{ hw: { a: { unit: 'ms' } } }, 'expected.hw.a needs one of "at_least" and "at_most"'],
    [{ hw: { a: { at_least: 1, at_most: 2, unit: 'ms' } } }, 'expected.hw.a needs one of'],
    [{ hw: { a: { at_most: 1, unit: 'msec' } } }, 'expected.hw.a.unit "msec" is not possible'],
    [{ hw: { a: { at_most: -1, unit: 'ms' } } }, 'expected.hw.a.at_most -1 is not a figure'],
    [{ hw: { '9 lives': { at_most: 1, unit: 'ms' } } }, 'is not a name'],
    [{ hw: { a: 5 } }, 'expected.hw.a 5 is not an object'],
    [{ offload: {} }, 'expected.offload is not a known key'],
  ])('%j is refused with a sentence', async (expected, sentence) => {
    const error = await load(expected).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).message).toContain(sentence)
  })
})
