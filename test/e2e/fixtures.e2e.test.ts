/** Suites of a user's own: what `dataplane` undoes after a test, and that the tool's figures are iperf3's. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mean, median, sampleStandardDeviation } from 'simple-statistics'
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project } from './support/project.ts'
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

/** One measurement by the tool and one command by hand in turn, in one deployment, between the same guests. */
const byHand = `
import { writeFileSync } from 'node:fs'
import { expect, test } from 'dpbench'

const seconds = 3
const tool = []
const hand = []
const typed = async (from, to) => {
  const address = to.overlayAddress('ipv4')
  const server = to.ssh.run(['iperf3', '-s', '-1', '-J', '-p', '5301', '--idle-timeout', '30'])
  for (;;) {
    const { stdout } = await to.ssh.run(['ss', '-Hltn', 'sport = :5301'])
    if (stdout.trim() !== '') break
  }
  await from.ssh.run(['iperf3', '-c', address, '-p', '5301', '-t', String(seconds), '-O', '1', '-J'])
  const { end } = JSON.parse((await server).stdout)
  return end.sum_received.bits_per_second
}
test('three pairs', async ({ vm, traffic }) => {
  for (let pair = 0; pair < 3; pair++) {
    const measured = async () => {
      const throughput = await traffic.iperf3({ from: vm.vm1, to: vm.vm2, family: 'ipv4', flows: 1 })
      tool.push(...throughput.samples.map((sample) => sample.receiver.bitsPerSecond))
    }
    const handTyped = async () => void hand.push(await typed(vm.vm1, vm.vm2))
    // first the one, then the other: what drifts, drifts for both
    for (const each of pair % 2 ? [handTyped, measured] : [measured, handTyped]) await each()
  }
  writeFileSync('pairs.json', JSON.stringify({ tool, hand }))
})
`

describe.skipIf(whyNoLab.length > 0)('suites of a user', { timeout: 180_000 }, () => {
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

  test('the figures are those of the same iperf3 commands typed by hand', async () => {
    const project = await Project.create(lab, {
      suites: { 'by-hand.test.ts': byHand },
      edit: (config: EditableConfig) => {
        config.measurement = {
          ...config.measurement,
          kept_seconds: 2,
          warm_down_seconds: 1,
          repetitions: { min: 2, max: 2 },
        }
      },
    })
    const { status, text } = await project.run('--mode', 'non-offload', '--verdict', 'mean')
    expect(status, text).toBe(0)
    const { tool, hand } = JSON.parse(await readFile(join(project.folder, 'pairs.json'), 'utf8')) as Record<
      'tool' | 'hand',
      number[]
    >
    expect([tool.length, hand.length]).toEqual([6, 3])
    const difference = Math.abs(median(tool) / median(hand) - 1)
    // 2 %, or what the commands typed by hand differ among themselves: with 95 % the means of three and of six such figures
    // differ by less than t · s · √(1/3 + 1/6), with t = 4.30 for two degrees of freedom (computed)
    const byChance = 4.3 * Math.sqrt(1 / 3 + 1 / 6) * (sampleStandardDeviation(hand) / mean(hand))
    expect(difference, JSON.stringify({ tool, hand })).toBeLessThan(Math.max(0.02, byChance))
  })
})
