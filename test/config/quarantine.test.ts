import { expect, test } from 'vitest'
import { ConfigError } from '../../src/core/errors.ts'
import { loadConfig } from '../../src/config/load.ts'
import { dpserviceConfig, site } from './dpservice-file.ts'

const sound = { test: 'NAT, 1 flow', issue: 'https://issues.example/1', until: '2026-12-31' }

async function load(quarantine: unknown) {
  const { cwd, env, write } = site()
  write({ ...dpserviceConfig(), quarantine })
  return loadConfig({ cwd, env })
}

test('entries are loaded, by test or by scenario', async () => {
  const byScenario = { ...sound, test: undefined, scenario: 'lb', mode: 'offload', reason: 'known' }
  expect((await load([sound, byScenario])).quarantine).toEqual([
    sound,
    { scenario: 'lb', mode: 'offload', reason: 'known', issue: sound.issue, until: sound.until },
  ])
  expect((await load(undefined)).quarantine).toBeUndefined()
})

test.for<[string, object, RegExp]>([
  [
    'a day that there is not',
    { until: '2026-02-30' },
    /quarantine\[0\]\.until "2026-02-30" is not a date; write "2026-12-31"/,
  ],
  ['no day', { until: 'soon' }, /quarantine\[0\]\.until "soon" is not a date/],
  ['no link', { issue: '#42' }, /quarantine\[0\]\.issue "#42" is not the address of an issue; write "https:/],
  ['neither', { test: undefined }, /quarantine\[0\] needs one of test and scenario/],
  ['both', { scenario: 'nat' }, /quarantine\[0\] needs one of test and scenario/],
  [
    'another scenario',
    { test: undefined, scenario: 'vm' },
    /quarantine\[0\]\.scenario "vm" is not possible; write one of "local_vm2vm"/,
  ],
  [
    'a misspelled key',
    { untill: '2026-12-31' },
    /quarantine\[0\]\.untill is not a known key; did you mean "until"\?/,
  ],
  [
    'a mode of the file',
    { mode: 'hw' },
    /quarantine\[0\]\.mode "hw" is not possible; write one of "offload", "non-offload"/,
  ],
])('is a fault: %s', async ([, changes, fault]) => {
  const error = await load([{ ...sound, ...changes }]).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).faults.join('\n')).toMatch(fault)
})

test('the same test twice is a fault', async () => {
  await expect(load([sound, { ...sound, until: '2027-01-01' }])).rejects.toThrow(
    /quarantine\[1\] repeats quarantine\[0\]/,
  )
})
