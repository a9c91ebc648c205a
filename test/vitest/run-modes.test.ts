/** Which modes a run has, by what was asked for and by the config's data plane. */
import { expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import { modesOf } from '../../src/vitest/run-modes.ts'
import { readSettings } from '../../src/vitest/settings.ts'

const dpservice = { sourceFile: '/x/config.json' }
const none = { ...dpservice, dataplane: 'none' as const }
const of = (env: NodeJS.ProcessEnv, config: typeof dpservice | typeof none, viteMode = 'test') =>
  modesOf(readSettings(env, viteMode), config, env)

test('dpservice has the modes that were asked for, and one must be', () => {
  expect(of({ DPBENCH_MODE: 'both' }, dpservice)).toEqual(['offload', 'non-offload'])
  expect(of({}, dpservice, 'non-offloading')).toEqual(['non-offload'])
  expect(() => of({}, dpservice)).toThrow(
    new UsageError('--mode is missing: write --mode offload, non-offload or both (or set DPBENCH_MODE)'),
  )
})

test('without a data plane there is one, which nobody asks for', () => {
  expect(of({}, none)).toEqual(['plain'])
  expect(() => of({}, none, 'offload')).toThrow(/^--mode \(DPBENCH_MODE\) is dpservice's/)
})

test('options of dpservice are explained, each in a sentence', () => {
  const env = { DPBENCH_MODE: 'offload', DPBENCH_STAGE: 'cicd', DPBENCH_DOCKER_IMAGE: 'x:y' }
  expect(() => of(env, none)).toThrow(
    ['--mode (DPBENCH_MODE)', '--stage (DPBENCH_STAGE)', '--docker-image (DPBENCH_DOCKER_IMAGE)']
      .map((option) => `${option} is dpservice's, and /x/config.json has "dataplane": "none": leave it out`)
      .join('\n'),
  )
})
