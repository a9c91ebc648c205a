/** Which image the options mean, and the contradictions that are refused before anything is done. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BenchConfig } from '../../src/config/index.ts'
import { UsageError } from '../../src/core/errors.ts'
import { builtReference, imageToRun } from '../../src/vitest/image-to-run.ts'
import { type RunSettings, readSettings } from '../../src/vitest/settings.ts'
import { scratchFolder } from '../scratch-folder.ts'

const settings = (variables: NodeJS.ProcessEnv): RunSettings =>
  readSettings({ DPBENCH_MODE: 'both', ...variables })
const config = (more: Partial<BenchConfig> = {}): BenchConfig =>
  ({ name: 'Lab.two', sourceFile: '/c.json', ...more }) as BenchConfig

test('a source means dev, none means cicd', () => {
  expect(settings({})).toMatchObject({ stage: 'cicd', reboot: false })
  expect(settings({ DPBENCH_DPSERVICE_SOURCE: '/src', DPBENCH_REBOOT: 'true' })).toMatchObject({
    stage: 'dev',
    dpserviceSource: '/src',
    reboot: true,
  })
})

test.each([
  ['dev without a source', { DPBENCH_STAGE: 'dev' }, /give --dpservice-source DIR/],
  [
    'cicd with a source',
    { DPBENCH_STAGE: 'cicd', DPBENCH_DPSERVICE_SOURCE: '/' },
    /--dpservice-source .*is for --stage dev/,
  ],
  [
    'a source and an image',
    { DPBENCH_DPSERVICE_SOURCE: '/', DPBENCH_DOCKER_IMAGE: 'a' },
    /leave --docker-image \(DPBENCH_DOCKER_IMAGE\) out/,
  ],
  ['a reboot that is neither', { DPBENCH_REBOOT: 'perhaps' }, /--reboot .*write true or false/],
])('%s is refused', (_, variables, message) => {
  expect(() => settings(variables)).toThrow(UsageError)
  expect(() => settings(variables)).toThrow(message)
})

describe('the image', () => {
  test("--docker-image before the config's, and a malformed one refused", async () => {
    const own = config({ defaultDpserviceImage: 'reg.example/dpservice:1' })
    expect(await imageToRun(settings({}), own)).toBe('reg.example/dpservice:1')
    expect(await imageToRun(settings({ DPBENCH_DOCKER_IMAGE: 'a:2' }), own)).toBe('a:2')
    await expect(imageToRun(settings({ DPBENCH_DOCKER_IMAGE: 'A:2' }), own)).rejects.toThrow(/lower-case/)
    await expect(imageToRun(settings({}), config())).rejects.toThrow(/default_dpservice_image.*\/c\.json/)
  })

  test('of a source: one tag per environment; a folder with a Dockerfile', async () => {
    const folder = scratchFolder()
    const of = (name: string): Promise<string | undefined> =>
      imageToRun(settings({ DPBENCH_DPSERVICE_SOURCE: join(folder, name) }), config())
    await mkdir(join(folder, 'empty'))
    await mkdir(join(folder, 'whole'))
    await writeFile(join(folder, 'whole/Dockerfile'), 'FROM scratch\n')
    await expect(of('nowhere')).rejects.toThrow(/nowhere is no folder/)
    await expect(of('empty')).rejects.toThrow(/empty has no Dockerfile/)
    expect(await of('whole')).toMatch(/^dpbench-dev\/lab-two-[0-9a-f]{8}:latest$/)
    expect(builtReference('__')).toMatch(/^dpbench-dev\/environment-[0-9a-f]{8}:latest$/)
    expect(builtReference('a.b')).not.toBe(builtReference('a-b'))
    expect(builtReference('a', '/one')).not.toBe(builtReference('a', '/two'))
  })
})
