/** What refuses a run before it reaches a host refuses its plan in the same words. */
import { describe, expect, test } from 'vitest'
import { PlanProject } from './project.ts'

describe('a plan that is refused', { timeout: 60_000 }, () => {
  test.each([
    ['two faults of the options', ['--mode', 'fast', '--profile', 'fast']],
    ['an option that there is not', ['--mode', 'offload', '--docker-imag', 'x']],
    ['a tag that there is not', ['--mode', 'offload', '--tags', 'trafic']],
    ['nothing to build', ['--mode', 'offload', '--dpservice-source', '/nonexistent']],
  ])('%s', async (_, argv) => {
    const project = await PlanProject.create()
    const [plan, run] = await Promise.all([project.plan(...argv), project.dpbench('run', argv)])
    expect(plan.status).toBe(2)
    expect(plan.stderr).toBe(run.stderr)
    expect(plan.status).toBe(run.status)
    expect(plan.stdout).toBe('')
  })

  test('its own options have their own sentences', async () => {
    const project = await PlanProject.create()
    const { status, stderr } = await project.plan('--mode', 'offload', '--format', 'xml')
    expect(status).toBe(2)
    expect(stderr).toBe('dpbench: --format is "xml": write text or json\n')
  })

  test('a hypervisor whose key nobody knows is told in the words of the connection, with its exit code', async () => {
    const project = await PlanProject.create((config) => {
      delete config.hypervisors[0].host_key
    })
    const { status, stdout } = await project.plan('--mode', 'offload')
    expect(status).toBe(3)
    expect(stdout).toMatch(
      /^note: a run would end here: hypervisor-1: no host key is known for 192\.0\.2\.1; write its own key/m,
    )
    expect(stdout).toContain('vm2vm: IPv6 between hypervisors')
  })
})
