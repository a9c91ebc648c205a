/** NAT and load balancer in the lab: measured, and put back whatever fails; tests whose needs a config does not meet. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project, stackTrace } from './support/project.ts'
import { expectPlanned } from './support/planned.ts'
import { expectAsBefore } from './support/snapshot.ts'

/** In a suite: the typed objects of dpservice by its own client, and a route that is in the way of the NAT's. */
const midway = `
import { expect, test } from 'dpbench'
import { execInContainer } from '${join(import.meta.dirname, '../../src/transport/docker/exec.ts')}'

const cli = async (hypervisor, ...argv) => {
  const container = hypervisor.docker.getContainer('dpservice_' + hypervisor.name)
  const { stdout } = await execInContainer(hypervisor.name, container, ['dpservice-cli', '-o', 'json', ...argv])
  return JSON.parse(stdout)
}
const routes = async (hypervisor) => {
  const { items } = await cli(hypervisor, 'list', 'routes', '--vni=100')
  return (items ?? []).map(({ spec }) => spec.prefix).sort()
}

test('a NAT whose second object is refused leaves nothing', async ({ hypervisor, placement, dataplane }) => {
  const [here, there] = [hypervisor['hypervisor-2'], hypervisor['hypervisor-1']]
  const before = [await routes(here), await routes(there)]
  const inTheWay = ['--prefix=10.10.20.20/32', '--vni=100']
  await cli(there, 'create', 'route', ...inTheWay, '--next-hop-vni=0', '--next-hop-ip=fc00:2::1')
  await expect(dataplane.nat(placement.behindNat())).rejects.toThrow(/create route .*10\\.10\\.20\\.20.*\\(301, route exists\\)/)
  expect((await cli(here, 'get', 'nat', '--interface-id=vm3')).status.code).not.toBe(0)
  expect(await routes(here)).toEqual(before[0])
  await cli(there, 'delete', 'route', ...inTheWay)
  expect(await routes(there)).toEqual(before[1])
})

test('a load balancer is gone after a test that fails', async ({ hypervisor, placement, dataplane, vm }) => {
  const path = placement.loadBalanced({ backends: 2 })
  await dataplane.loadBalancer(path)
  for (const backend of path.backends) {
    const { stdout } = await backend.ssh.run(['ip', '-o', 'address', 'show', 'dev', 'lo'])
    expect(stdout).toContain('10.20.30.30/32')
  }
  throw new Error('fails on purpose')
})

test('and a second one of its name can be made', async ({ hypervisor, placement, dataplane, vm }) => {
  const { stdout } = await vm.vm3.ssh.run(['ip', '-o', 'address', 'show', 'dev', 'lo'])
  expect(stdout).not.toContain('10.20.30.30')
  const through = await dataplane.loadBalancer(placement.loadBalanced({ backends: 2 }))
  await through.check()
})
`

describe.skipIf(whyNoLab.length > 0)('network functions', { timeout: 360_000 }, () => {
  const lab = useLab()

  test('concurrent flows through a NAT, and through a load balancer to two backends, whose shares are told', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const what = ['--mode', 'offload', '--verdict', 'mean', '-t', 'concurrent flows|2 backends']
    const plan = await project.plan(
      'benchmark/network-functions.test.ts',
      '--dhcp-client',
      'dhclient',
      ...what,
    )
    expect(project.hasState, '.dpbench/').toBe(false)
    const { status, text } = await project.run('network-functions', ...what)
    expect(text).not.toMatch(stackTrace)
    expect(status, text).toBe(0)
    expect(text).toMatch(/PASS: .* expected \(offload, nat\)/)
    expect(text).toMatch(/PASS: .* expected \(offload, lb\)/)
    expect(text).toMatch(
      /share of the backends: vm3 [\d.]+ % of the data in \d+ flows?, vm2 [\d.]+ % of the data in/,
    )
    const record = await project.record()
    expectPlanned(plan, record)
    const { tests } = record
    const balanced = tests.find(({ name }) => name === 'load balancer, 2 backends')
    const repetitions = balanced?.repetitions ?? []
    expect(repetitions).toHaveLength(2)
    for (const repetition of repetitions) {
      expect(repetition).toMatchObject({
        backends: ['vm3', 'vm2'],
        flowsAsked: 3,
        tool: expect.stringMatching(/^iperf 2\./),
      })
      for (const { to } of repetition.flows) expect(['vm3', 'vm2']).toContain(to)
    }
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('what fails midway leaves nothing', async () => {
    const project = await Project.create(lab, { suites: { 'midway.test.ts': midway } })
    const before = await lab.snapshot()
    const { text } = await project.run('--mode', 'offload')
    const { tests } = await project.record()
    expect(
      tests.map(({ result }) => result.state),
      text,
    ).toEqual(['passed', 'error', 'passed'])
    expect(text).toContain('fails on purpose')
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('a run that is killed behind a load balancer is put back by the next; --strict fails for ports too few', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const running = project.start('--mode', 'offload', '-t', 'test_loadbalancer_cross_machine')
    await running.shows(/▶ offload {2}load balancer, 1 backend[\s\S]*repetition 1 /)
    running.signalGroup('SIGKILL')
    await running.ended
    const left = (await project.pending()).join('\n')
    for (const what of ['load balancer test_lb', 'prefix 10.20.30.30/32', 'target ', '10.20.30.30/32 on lo'])
      expect(left).toContain(what)
    expect(await lab.shell('vm3', 'ip -o address show dev lo')).toContain('10.20.30.30/32')

    const few = (config: EditableConfig): void =>
      void (config.hypervisors[1].vms[0].nat.ports = [10240, 10243])
    await project.writeConfig(lab, few)
    const next = await project.run('--mode', 'offload', '--strict', '-t', 'concurrent flows')
    expect(next.text).toContain('putting back what an earlier run left')
    expect(next.text).toMatch(
      /ERROR: the NAT 10\.10\.20\.20 of vm3 .* holds 3 connections, and 3 flows of iperf3 need 6/,
    )
    expect(next.status, next.text).toBe(2)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('of several configs one is chosen by its name; what it lacks is skipped with the reason', async () => {
    const suite = `import { expect, test } from 'dpbench'
test('machines', ({ vm, hypervisor }) => expect([...Object.keys(hypervisor), ...Object.keys(vm)]).toEqual(['hypervisor-1', 'vm1', 'vm2']))
test('two hypervisors', ({ placement }) => void placement.acrossHypervisors())
test('a load balancer', ({ placement }) => void placement.loadBalanced())
`
    const project = await Project.create(lab, { suites: { 'needs.test.ts': suite } })
    const { lb: _, ...config } = lab.config as EditableConfig
    const small = { ...config, hypervisors: config.hypervisors.slice(0, 1) }
    await writeFile(project.configFile, JSON.stringify({ whole: lab.config, small }), { mode: 0o600 })
    const { status, text } = await project.run('--mode', 'offload', '--env-config-name', 'small')
    expect(status, text).toBe(0)
    const reasons = [
      'the config has no two VMs on different hypervisors in one VNI',
      'the config has no "lb"',
    ]
    for (const reason of reasons) expect(text.split(reason).length - 1, text).toBeGreaterThanOrEqual(2)
    const { tests } = await project.record()
    expect(tests.map(({ result }) => (result.state === 'skipped' ? result.reason : result.state))).toEqual([
      'passed',
      ...reasons,
    ])
    const junit = await project.resultFile('junit.xml')
    expect(junit.match(/<skipped message="the config has no /g)).toHaveLength(2)
  })
})
