/** Pairs of programs on the lab's machines, over SSH: by the command, and as tests of a suite. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { bash, groupOf } from '../pairs/support.ts'
import { useLab } from './support/lab.ts'
import { Project, dpbenchBin, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

const legacy = join(import.meta.dirname, '../pairs/groups/mirage/test-legacy')
const example = join(import.meta.dirname, '../../examples/pairs/client-server')

interface ConfiguredVm {
  readonly machine_name: string
  readonly if_config: { readonly ipv4: string }
}

describe.skipIf(whyNoLab.length > 0)('pairs of programs', { timeout: 120_000 }, () => {
  const lab = useLab()
  const typed = (project: Project, ...argv: string[]) =>
    project.startNode([dpbenchBin, 'pairs', ...argv, '--env-config-file', project.configFile])

  test('a group written for mirage-bench runs unchanged between two VMs', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const { status, text } = await typed(project, legacy, '--local', 'vm2', '--remote', 'vm1', '--tag', 't')
      .ended
    expect(status, text).toBe(0)
    expect(text).toMatch(/^2 pairs: 2 succeeded, 0 failed, 1 hook failed: results\/t$/m)
    const results = join(project.folder, 'results/t/test-legacy')
    const file = (name: string) => readFile(join(results, name), 'utf8')
    expect(await file('graph.txt')).toBe('      2 a page\nbuilt on the remote machine\n')
    expect(await file('seen_on_remote.txt')).toBe('fetch_x_listen/remote\nwait_for_end_x_listen/remote\n')
    expect(await file('fetch_x_listen/local/stdout')).toMatch(
      /^built on the remote machine\n# INFO: fetched twice$/m,
    )
    expect(await file('fetch_x_listen/remote/shared.log')).toBe('shared by the groups of test-legacy\n')
    expect(await readdir(join(results, 'fetch_x_listen'))).toEqual(['SUCCESS', 'local', 'remote'])
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('Ctrl-C ends the programs on both machines and removes their folders: 130', async () => {
    const project = await Project.create(lab)
    const group = await groupOf({
      'local/l': bash('setsid sleep 4711 & sleep 4712'),
      'remote/r': bash('trap "" HUP', 'setsid sleep 4713 & sleep 4714'),
    })
    const before = await lab.snapshot()
    const machines = ['--local', 'hypervisor-2', '--remote', 'vm1', '--grace', '1']
    const running = typed(project, group, ...machines)
    for (const [machine, what] of [
      ['hypervisor-2', 'sleep 4712'],
      ['vm1', 'sleep 4714'],
    ] as const) {
      await expect
        .poll(() => lab.shell(machine, `pgrep -c -f "^${what}" || true`), { timeout: 30_000 })
        .toBe('1\n')
    }
    running.signalGroup('SIGINT')
    const { status, text } = await running.ended
    expect(status, text).toBe(130)
    expect(text).not.toMatch(stackTrace)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('as tests: one for each pair, through the data plane', async () => {
    const failing = await groupOf({ 'local/l': bash('exit 3'), 'remote/r': bash('sleep 60') }, 'failing')
    const project = await Project.create(lab, {
      suites: {
        'pairs.test.ts': `
import { pairs } from 'dpbench'
pairs(${JSON.stringify(example)}, { local: 'vm3', remote: 'vm1', variables: { SECONDS_OF_FLOWS: '1' } })
pairs(${JSON.stringify(failing)}, { local: 'controller', remote: 'hypervisor-1', graceSeconds: 1 })
`,
      },
    })
    const before = await lab.snapshot()
    const { status, text } = await project.run('--mode', 'offload', '--tag', 'suite')
    expect(status, text).toBe(1)
    const { tests } = await project.record()
    expect(tests.map(({ name, result, folder }) => [name, result.state, folder])).toEqual([
      ['four-flows_x_iperf3-server', 'passed', 'client-server-offload/four-flows_x_iperf3-server'],
      ['one-flow_x_iperf3-server', 'passed', 'client-server-offload/one-flow_x_iperf3-server'],
      ['l_x_r', 'failed', 'failing-offload/l_x_r'],
    ])
    expect(text).toContain('the local program ended with status 3')
    const table = await project.resultFile('client-server-offload/throughput.txt')
    expect(table).toMatch(
      /^four-flows_x_iperf3-server +\d+\.\d\d Gbit\/s\none-flow_x_iperf3-server +\d+\.\d\d Gbit\/s\n$/,
    )
    const client = JSON.parse(
      await project.resultFile('client-server-offload/one-flow_x_iperf3-server/local/client.json'),
    ) as { start: { connected: { remote_host: string }[] } }
    const { hypervisors } = lab.config as { hypervisors: { vms: ConfiguredVm[] }[] }
    const vm1 = hypervisors.flatMap(({ vms }) => vms).find((vm) => vm.machine_name === 'vm1')!
    expect(client.start.connected[0]!.remote_host).toBe(vm1.if_config.ipv4)
    expect(await project.resultFile('failing-offload/l_x_r/FAILED')).toBeTruthy()
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })
})
