/** What a plan shows, and that it does nothing: its machines are addresses that nobody has. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Plan } from '../../src/plan/plan-schema.ts'
import { PlanProject } from './project.ts'

describe('dpbench plan', { timeout: 30_000, concurrent: false }, () => {
  test('shows both modes: containers, objects, guests, traffic, thresholds, and the undo of each', async () => {
    const project = await PlanProject.create((config) => {
      config.hypervisors[0].dpservice = { environment: { LICENCE_PASSWORD: 'hidden-in-plain-sight' } }
    })
    const { status, stdout, stderr } = await project.plan('--mode', 'both', '--format', 'json')
    expect(status, stderr).toBe(0)
    expect(stdout).not.toContain('hidden-in-plain-sight')
    const plan = JSON.parse(stdout) as Plan
    expect(plan.modes.map(({ mode }) => mode)).toEqual(['offload', 'non-offload'])
    for (const { mode, environment, tests } of plan.modes) {
      const created = environment.steps.filter(({ body }) => body)
      expect(created.map(({ machine }) => machine)).toEqual(['hypervisor-1', 'hypervisor-2'])
      const argv = mode === 'offload' ? ['--'] : ['--', '--no-offload']
      expect(created[1]!.body).toMatchObject({
        Cmd: ['-l', '0,1', ...argv, '--enable-ipv6-overlay'],
        HostConfig: { NetworkMode: 'host', Privileged: true },
      })
      expect(tests.map(({ name }) => name)).toEqual([
        'NAT, 1 flow',
        'NAT, concurrent flows',
        'load balancer, 1 backend',
        'load balancer, 2 backends',
        'IPv4 on one hypervisor',
        'IPv4 between hypervisors',
        'IPv6 on one hypervisor',
        'IPv6 between hypervisors',
      ])
      expect(tests[3]!.skipped).toBe(`the config's lb has 1 of the 2 VMs that this needs in "lb_machines"`)
      const across = tests[5]!
      expect(across.ends).toBe(undefined)
      const bound = mode === 'offload' ? 20 : 8
      expect(across.measurements).toEqual([
        {
          name: 'iperf3 ipv4 vm3 → vm1',
          trafficSeconds: 37,
          gapSeconds: 5,
          repetitions: { min: 6, max: 10 },
          seconds: { min: 6 * 37 + 5 * 5, max: 10 * 37 + 9 * 5 },
          judged: [`≥ ${bound} Gbit/s expected (${mode}, remote_vm2vm)`],
        },
      ])
      const commands = across.steps.map(({ machine, name }) => `${machine}: ${name}`)
      expect(commands).toContain(
        'hypervisor-2: docker exec dpservice_hypervisor-2 dpservice-cli -o json create route --prefix=192.168.129.5/32 ' +
          '--vni=66 --next-hop-vni=0 --next-hop-ip=<underlay address of vm1>',
      )
      const client = commands.find((each) => each.startsWith('vm3: iperf3 '))!
      expect(client.split(' & ')).toHaveLength(3)
      expect(client).toContain('iperf3 -4 -c 192.168.129.5 -t 37 -p 5203 -i 1 -J --connect-timeout 5000')
      expect(across.undo).toContainEqual({
        what: 'route 192.168.129.5/32 (VNI 66) on hypervisor-2',
        kind: 'dpservice-object',
        commands: [
          'docker exec dpservice_hypervisor-2 dpservice-cli -o json delete route --prefix=192.168.129.5/32 --vni=66',
        ],
      })
      const taken = across.takenBack.map(({ name }) => name)
      for (const {
        commands: [command],
      } of across.undo)
        expect(taken).toContain(command)
    }
    const total = plan.modes.reduce((sum, { seconds }) => sum + seconds.max, 0)
    expect(plan.seconds.max).toBe(total)
    expect(plan.after.map(({ name }) => name)).toContain(`DELETE /images/${plan.image}`)
    expect(plan.assumed[0]).toMatch(/^vm1, vm2, vm3 are not provisioned: /)
  })

  test('leaves nothing, and shows what an earlier run left without touching its journal', async () => {
    const project = await PlanProject.create()
    const folder = join(project.folder, '.dpbench/env')
    await mkdir(folder, { recursive: true })
    const host = {
      name: 'hypervisor-1',
      address: '192.0.2.1',
      port: 22,
      user: 'bench',
      keyFile: '/k',
      sudo: true,
    }
    const undo = { kind: 'container', name: 'dpservice_left', runId: 'earlier' }
    const entry = {
      id: '1',
      time: '',
      runId: 'earlier',
      scope: 'run',
      host,
      what: 'container dpservice_left',
      undo,
    }
    const text = `${JSON.stringify(entry)}\n`
    await writeFile(join(folder, 'journal.jsonl'), text)
    const argv = ['--mode', 'offload', join(import.meta.dirname, '../../benchmark/vm2vm.test.ts')]
    const { status, stdout } = await project.dpbench('plan', argv, project.folder)
    expect(status).toBe(0)
    expect(stdout).toContain('hypervisor-1: engine: GET /containers/dpservice_left/json')
    expect(stdout).toContain('vm2vm: IPv6 between hypervisors')
    expect(await readFile(join(folder, 'journal.jsonl'), 'utf8')).toBe(text)
    expect(await readdir(folder)).toEqual(['journal.jsonl'])
    expect(existsSync(join(project.folder, 'results'))).toBe(false)
    expect(await readdir(project.temporary)).toEqual([])
  })

  test('--suites asks Vitest, which finds the tests that are found without it', async () => {
    const project = await PlanProject.create()
    const argv = [
      '--mode',
      'offload',
      '-t',
      'backend|by|test_same_hypervisor_ipv6',
      '--tags',
      'traffic || !traffic',
    ]
    const [light, asked] = await Promise.all([
      project.plan(...argv, '--format', 'json'),
      project.plan(...argv, '--format', 'json', '--suites'),
    ])
    expect(asked.status, asked.stderr).toBe(0)
    const named = ({ stdout }: { readonly stdout: string }): string[] =>
      (JSON.parse(stdout) as Plan).modes[0]!.tests.map(({ suite, name }) => `${suite}: ${name}`)
    expect(named(asked)).toContain('traffic: request and response by UDP')
    expect(named(asked).toSorted()).toEqual(named(light).toSorted())
  })

  test('text has the commands to paste, the estimate, and which test of an old name is meant', async () => {
    const project = await PlanProject.create()
    const argv = [
      '--mode',
      'offload',
      '-t',
      'test_nat_cross_machine',
      '--profile',
      'quick',
      '--verdict',
      'mean',
    ]
    const { status, stdout } = await project.plan(...argv)
    expect(status).toBe(0)
    expect(stdout).toContain('mode offload: 1 test, about 26 s to 44 s\n')
    expect(stdout).toContain('profile quick); its mean is held against what is expected\n')
    expect(stdout).toContain(
      '  measures iperf3 ipv4 vm3 → vm1: 3 to 5 times 8 s of traffic, about 26 s to 44 s\n',
    )
    expect(stdout).toContain('    ≥ 15 Gbit/s expected (offload, nat)\n')
    expect(stdout).toContain(
      '  hypervisor-2: $ docker exec dpservice_hypervisor-2 dpservice-cli -o json create nat --interface-id=vm3 ' +
        '--nat-ip=10.10.20.20 --minport=10240 --maxport=10360\n',
    )
  })

  test('stage dev: the build, and the side load in the place of the pull', async () => {
    const project = await PlanProject.create()
    await writeFile(join(project.folder, 'Dockerfile'), 'FROM scratch\n')
    const argv = [
      '--mode',
      'offload',
      '-t',
      'IPv4 on',
      '--dpservice-source',
      project.folder,
      '--format',
      'json',
    ]
    const { status, stdout } = await project.plan(...argv)
    expect(status).toBe(0)
    const { before, modes, after } = JSON.parse(stdout) as Plan
    expect(before.map(({ name }) => name).join('\n')).toMatch(
      /^docker build --iidfile .*\/id --tag dpbench-dev\/env-/m,
    )
    const names = modes[0]!.environment.steps.map(({ machine, name }) => `${machine}: ${name}`).join('\n')
    expect(names).toMatch(
      /^controller: docker save --output \.?.*\/image\/whole\.tar <id of the built image>$/m,
    )
    expect(names).toMatch(/^hypervisor-2: load dpbench-dev\/env-.* \(0 bytes\)$/m)
    expect(names).not.toContain(': pull ')
    expect(after, 'the image stays for the next run').toEqual([])
  })

  test('without a data plane: what is known, and no threshold that there is none of', async () => {
    const project = await PlanProject.create((config) => {
      delete config.default_dpservice_image
      delete config.lb
      Object.assign(config, { dataplane: 'none', expected_throughput: { plain: { remote_vm2vm: 8 } } })
      for (const hypervisor of config.hypervisors) {
        delete hypervisor.dpservice
        for (const vm of hypervisor.vms) {
          delete vm.nat
          delete vm.if_config.pci_addr
          vm.if_config.bridge = `br-${vm.machine_name}`
        }
      }
    })
    const suite = join(project.folder, 'reach.test.ts')
    await writeFile(
      suite,
      `import { expect, test } from 'dpbench'
      const own = test.extend('path', ({ placement }) => ({ ...placement.acrossHypervisors(), family: 'ipv4' as const }))
      for (const key of ['remote_vm2vm', 'local_vm2vm'] as const)
        own(key, async ({ path, traffic, hypervisor, change }) => {
          await change(hypervisor['hypervisor-1'], { what: 'a setting', commands: [['sysctl', 'a=1']], undo: [['sysctl', 'a=0']] })
          expect(await hypervisor['hypervisor-2'].succeed('uname -r')).toMatch(/6/)
          expect(await traffic.iperf3(path)).toReachExpected(key)
        })`,
    )
    const { status, stdout, stderr } = await project.dpbench(
      'plan',
      ['--format', 'json', suite],
      project.folder,
    )
    expect(status, stderr).toBe(0)
    const [plain] = (JSON.parse(stdout) as Plan).modes
    expect(plain!.mode).toBe('plain')
    expect(plain!.environment.steps.some(({ kind }) => kind === 'docker')).toBe(false)
    const [remote, local] = plain!.tests
    expect(remote!.measurements[0]!.judged).toEqual(['≥ 8 Gbit/s expected (plain, remote_vm2vm)'])
    expect(remote!.undo).toContainEqual({
      what: 'hypervisor-1: a setting',
      kind: 'commands',
      commands: ['sysctl a=0'],
    })
    expect(remote!.takenBack.map(({ name }) => name)).toContain("sh -c 'sysctl a=0'")
    expect(remote!.steps.map(({ name }) => name).join('\n')).toContain('uname -r')
    expect(local!.ends).toMatch(
      /^the config expects nothing of local_vm2vm: write "local_vm2vm" into expected_throughput\.plain/,
    )
  })

  test('a figure beside throughput without an expectation takes the fewest repetitions', async () => {
    const project = await PlanProject.create((config) => {
      config.expected = { hw: { udp_loss: { at_most: 0.5, unit: 'percent' } } }
    })
    const argv = [
      '--mode',
      'offload',
      '--tags',
      'traffic',
      '-t',
      'UDP at a rate|round trips|by size',
      '--format',
      'json',
    ]
    const { status, stdout, stderr } = await project.plan(...argv)
    expect(status, stderr).toBe(0)
    const [udp, rtt, sizes] = (JSON.parse(stdout) as Plan).modes[0]!.tests
    expect(udp!.measurements[0]).toMatchObject({ repetitions: { min: 6, max: 10 } })
    expect(udp!.measurements[0]!.judged[0]).toBe('loss ≤ 0.5 % expected (offload, udp_loss)')
    expect(rtt!.measurements[0]).toMatchObject({ trafficSeconds: 30 + 38, repetitions: { min: 6, max: 6 } })
    expect(sizes!.measurements.map(({ judged }) => judged.length)).toEqual([1, 1, 1, 1, 1, 1])
  })
})
