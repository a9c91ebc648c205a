/** Suites of a user's own: what `dataplane` undoes after a test. (That the figures are iperf3's: bench/parts/figures.ts.) */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { Project } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

const routes = `
import { expect, test } from 'dpbench'
import { execInContainer } from '${join(import.meta.dirname, '../../src/transport/docker/exec.ts')}'

const list = async (hypervisor) => {
  const container = hypervisor.docker.getContainer('dpservice_' + hypervisor.name)
  const { stdout } = await execInContainer(hypervisor.name, container, ['dpservice-cli', '-o', 'json', 'list', 'routes', '--vni=100'])
  return (JSON.parse(stdout).items ?? []).map(({ spec }) => spec.prefix).sort()
}
const both = async ({ hypervisor }) => [await list(hypervisor['hypervisor-1']), await list(hypervisor['hypervisor-2'])]

let before
test('1: no routes but its own', async ({ hypervisor }) => {
  before = await both({ hypervisor })
})
test('2: routes, and a failure', async ({ hypervisor, vm, dataplane }) => {
  await dataplane.route(vm.vm1, vm.vm3)
  const now = await both({ hypervisor })
  expect(now[0].length - before[0].length, 'routes made').toBe(2)
  expect(now[1].length - before[1].length, 'routes made').toBe(2)
  throw new Error('fails on purpose')
})
test('3: as before after the failure', async ({ hypervisor }) => {
  expect(await both({ hypervisor })).toEqual(before)
})
test('4: routes, and success', async ({ vm, dataplane }) => {
  await dataplane.route(vm.vm3, vm.vm1)
})
test('5: as before after the success', async ({ hypervisor }) => {
  expect(await both({ hypervisor })).toEqual(before)
})
`

describe.skipIf(whyNoLab.length > 0)('suites of a user', { timeout: 480_000 }, () => {
  const lab = useLab()

  test('routes of a test are gone after it, whether it passes or fails', async () => {
    const project = await Project.create(lab, { suites: { 'routes.test.ts': routes } })
    const before = await lab.snapshot()
    const { status, text } = await project.run('--mode', 'offload')
    const { tests } = await project.record()
    const states = tests.map(({ name, result }) => `${name}: ${result.state}`)
    expect(states, text).toEqual([
      '1: no routes but its own: passed',
      '2: routes, and a failure: error',
      '3: as before after the failure: passed',
      '4: routes, and success: passed',
      '5: as before after the success: passed',
    ])
    expect(text).toContain('fails on purpose')
    expect(status).toBe(3)
    await expectAsBefore(lab, before)
  })
})
