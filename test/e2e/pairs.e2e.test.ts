/** Pairs of programs on the lab's machines, over SSH: by the command, and as tests of a suite. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { bash, groupOf } from '../pairs/support.ts'
import { useLab } from './support/lab.ts'
import { Project, dpbenchBin, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

const mirage = join(import.meta.dirname, '../pairs/groups/mirage')
const example = join(import.meta.dirname, '../../examples/pairs/client-server')

/** Who may log in by the lab's key and use sudo without a password. */
const makeUser = `useradd -m -s /bin/bash -p '*' bench
install -d -m 700 -o bench /home/bench/.ssh
install -m 600 -o bench /root/.ssh/authorized_keys /home/bench/.ssh/authorized_keys
echo 'bench ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/bench`
const removeUser = 'userdel -r bench 2>/dev/null; rm -f /etc/sudoers.d/bench'

interface ConfiguredVm {
  readonly machine_name: string
  readonly if_config: { readonly ipv4: string }
}

describe.skipIf(whyNoLab.length > 0)('pairs of programs', { timeout: 360_000 }, () => {
  const lab = useLab()
  const typed = (project: Project, ...argv: string[]) =>
    project.startNode([dpbenchBin, 'pairs', ...argv, '--env-config-file', project.configFile])

  test('groups written for mirage-bench run unchanged between two VMs', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const groups = (await readdir(mirage)).filter((name) => name.startsWith('test-'))
    const machines = ['--local', 'vm2', '--remote', 'vm1', '--tag', 't']
    const folders = groups.map((name) => join(mirage, name))
    const { status, text } = await typed(project, ...folders, ...machines).ended
    expect(status, text).toBe(0)
    expect(text).toMatch(/^10 pairs: 10 succeeded, 0 failed, 1 hook failed: results\/t$/m)
    const file = (name: string) => readFile(join(project.folder, 'results/t', name), 'utf8')
    expect(await file('test-legacy/graph.txt')).toBe('      2 a page\nbuilt on the remote machine\n')
    expect(await file('test-legacy/seen_on_remote.txt')).toBe(
      'fetch_x_listen/remote\nwait_for_end_x_listen/remote\n',
    )
    expect(await file('test-legacy/fetch_x_listen/local/stdout')).toMatch(
      /^built on the remote machine\n# INFO: fetched twice$/m,
    )
    expect(await file('test-legacy/fetch_x_listen/remote/shared.log')).toBe(
      'shared by the groups of test-legacy\n',
    )
    expect(await readdir(join(project.folder, 'results/t/test-legacy/fetch_x_listen'))).toEqual([
      'SUCCESS',
      'local',
      'remote',
    ])
    expect(await file('test-facts/collect_x_collect/local/name.log')).toBe('vm2\n')
    expect(await file('test-facts/collect_x_collect/remote/name.log')).toBe('vm1\n')
    expect(await file('test-one-client/connect_x_greet_once/local/greeting.log')).toBe('welcome\n')
    expect(await file('test-requests/processed_warm.dat')).toBe('warm\nwarm\n')
    expect(await file('test-round-trips/graph.dat')).toBe('local 56 4\n')
    expect(await file('test-starts/starts.dat')).toMatch(
      /^wait_x_1-base-create\/remote\/create_16.log 1\n(.*\n){3}$/,
    )
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('a machine that is lost in the middle of a pair fails it, and the next pair runs', async () => {
    const project = await Project.create(lab)
    const group = await groupOf({
      'local/a': bash('sleep 4721'),
      'local/b': bash('echo still here'),
      'remote/r': bash('env -i setsid sleep 4722 & sleep 4723'),
    })
    const before = await lab.snapshot()
    const running = typed(project, group, '--local', 'vm3', '--remote', 'vm1', '--grace', '1')
    await expect
      .poll(() => lab.shell('vm1', 'pgrep -cfx "sleep 472[23]" || true'), { timeout: 30_000 })
      .toBe('2\n')
    // as when its network has gone: sshd's processes end, the programs do not
    await lab.shell('vm1', `kill -9 $(ss -Htnp 'sport = :22' | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u)`)
    const { status, text } = await running.ended
    expect(status, text).toBe(1)
    expect(text).toMatch(
      /^FAILED {3}a_x_r {2}.* vm1: the SSH connection to root@\S+ was lost while it ran \S+\/r$/m,
    )
    expect(text).toMatch(/^SUCCESS {2}b_x_r /m)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('a user with sudo: what programs make and start as root is gathered and ended', async () => {
    const project = await Project.create(lab, {
      edit: (config) => {
        for (const each of config.hypervisors) each.user_name = 'bench'
      },
    })
    const group = await groupOf({
      'local/l': bash(
        'id -un; wait_for_remote_port_open 39530 || exit 1',
        '${SSH_EXEC} "id -un; sudo id -un"',
        'sudo sh -c "mkdir roots; umask 077; echo secret > roots/file"',
      ),
      'remote/r': bash(
        'id -un; sudo sh -c "umask 077; mkdir shut; echo inside > shut/file"',
        'sudo setsid sleep 4731 &',
        'sudo python3 -m http.server 39530 --bind 127.0.0.1',
      ),
      after_last_test_remote: bash('cat l_x_r/remote/shut/file > shut; rm -r l_x_r/remote/shut'),
    })
    await Promise.all(['hypervisor-1', 'hypervisor-2'].map((each) => lab.shell(each, makeUser)))
    const before = await lab.snapshot()
    try {
      const machines = ['--local', 'hypervisor-2', '--remote', 'hypervisor-1', '--tag', 's']
      const { status, text } = await typed(project, group, ...machines, '--grace', '1').ended
      expect(status, text).toBe(0)
      expect(text).toMatch(/^hook {5}after_last_test_remote .* status 0$/m)
      const file = (name: string) => readFile(join(project.folder, 'results/s/group', name), 'utf8')
      expect(await file('l_x_r/local/stdout')).toMatch(/^bench\n(.*\n)*bench\nroot\n$/)
      expect(await file('l_x_r/local/roots/file')).toBe('secret\n')
      expect(await file('l_x_r/remote/stdout')).toMatch(/^bench\n/)
      expect(await file('shut')).toBe('inside\n')
      expect(await project.pending()).toEqual([])
      await expectAsBefore(lab, before)
    } finally {
      await Promise.all(['hypervisor-1', 'hypervisor-2'].map((each) => lab.shell(each, removeUser)))
    }
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
