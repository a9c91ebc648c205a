/** What a suite leaves on the machines fails the run, by kind and machine. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { useLab } from '../e2e/support/lab.ts'
import { Project } from '../e2e/support/project.ts'
import { whyNoLab } from '../lab/support.ts'

/** By kind: what plants it, what takes it away, and how it is told. */
const onHypervisor = {
  link: ['ip link add leak0 type bridge', 'ip link del leak0', /link added: [^;]*leak0/],
  address: [
    'ip address add 203.0.113.7/32 dev lo',
    'ip address del 203.0.113.7/32 dev lo',
    /address added: [^;]*203\.0\.113\.7\/32/,
  ],
  route: [
    'ip route add blackhole 203.0.113.128/25',
    'ip route del blackhole 203.0.113.128/25',
    /route added: [^;]*blackhole 203\.0\.113\.128\/25/,
  ],
  rule: ['ip rule add pref 4711 lookup main', 'ip rule del pref 4711', /policy rule added: [^;]*4711:/],
  filter: [
    'nft add table inet leak',
    'nft delete table inet leak',
    /packet filter rule added: [^;]*table inet leak/,
  ],
  volume: [
    'docker volume create leaked-volume',
    'docker volume rm leaked-volume',
    /Docker volume added: [^;]*leaked-volume/,
  ],
  network: [
    'docker network create leaked-network',
    'docker network rm leaked-network',
    /Docker network added: [^;]*leaked-network/,
  ],
  file: ['echo here > /tmp/leaked-file', 'rm /tmp/leaked-file', /file added: [^;]*\/tmp\/leaked-file/],
  process: [
    'setsid sleep 4242 > /dev/null 2>&1 < /dev/null &',
    'pkill -f "^sleep 4242"',
    /process added: [^;]*sleep 4242/,
  ],
  libvirt: [
    `echo '<network><name>leaked</name></network>' > /var/tmp/n.xml && virsh net-define /var/tmp/n.xml && rm /var/tmp/n.xml`,
    'virsh net-undefine leaked',
    /libvirt network added: [^;]*leaked/,
  ],
} as const
const inGuest = {
  route: [
    'ip route add blackhole 203.0.113.0/25',
    'ip route del blackhole 203.0.113.0/25',
    /route added: [^;]*blackhole 203\.0\.113\.0\/25/,
  ],
  process: [
    'nohup sleep 2424 > /dev/null 2>&1 &',
    'pkill -f "^sleep 2424"',
    /process added: [^;]*sleep 2424/,
  ],
} as const

const suite = `
import { test } from 'dpbench'
test('leaves things', async ({ hypervisor, vm }) => {
  for (const command of ${JSON.stringify(Object.values(onHypervisor).map(([plant]) => plant))})
    await hypervisor['hypervisor-2'].succeed(command)
  for (const command of ${JSON.stringify(Object.values(inGuest).map(([plant]) => plant))})
    await vm.vm1.succeed(command)
})`

const endless = `
import { test } from 'dpbench'
test('runs on', async ({ hypervisor, vm, log }) => {
  const both = [
    hypervisor['hypervisor-2'].succeed('sleep 7171', { timeoutMs: 600_000 }),
    vm.vm1.succeed('sleep 1717 & setsid sleep 1717', { timeoutMs: 600_000 }),
  ]
  await vm.vm1.waitUntilSucceeds('pgrep -f "^sleep 1717"')
  await hypervisor['hypervisor-2'].waitUntilSucceeds('pgrep -f "^sleep 7171"')
  log('both run')
  await Promise.all(both)
})`

describe.skipIf(whyNoLab.length > 0)('a leak', { timeout: 240_000 }, () => {
  const lab = useLab()

  test('of each kind is found on the machine where it is, and fails the run', async () => {
    const project = await Project.create(lab, { suites: { 'leaks.test.ts': suite } })
    onTestFinished(async () => {
      for (const [, undo] of Object.values(onHypervisor)) await lab.tryShell('hypervisor-2', undo)
      for (const [, undo] of Object.values(inGuest)) await lab.tryShell('vm1', undo)
    })
    const { status, text } = await project.run('--mode', 'offload')
    expect(status, text).toBe(3)
    const told = (await project.record()).failures.map(({ message }) => message)
    const parts = new Map(told.map((each) => [/^leaked: ([\w-]+): /.exec(each)?.[1], each]))
    expect([...parts.keys()], text).toEqual(['hypervisor-2', 'vm1'])
    for (const [, , words] of Object.values(onHypervisor)) expect(parts.get('hypervisor-2')).toMatch(words)
    for (const [, , words] of Object.values(inGuest)) expect(parts.get('vm1')).toMatch(words)
    // told, and ended
    for (const machine of ['hypervisor-2', 'vm1'])
      expect((await lab.tryShell(machine, 'pgrep -f "^sleep (4242|2424)"')).exitCode, machine).toBe(1)
    expect(await project.pending()).toEqual([])
  })

  test('is none of a command that a test was at when the run was killed: the clean-up ends it', async () => {
    const project = await Project.create(lab, { suites: { 'commands.test.ts': endless } })
    const running = project.start('--mode', 'offload')
    await running.shows(/both run/)
    running.signalGroup('SIGKILL')
    await running.ended
    const commands = ['hypervisor-2', 'vm1'].map(
      (machine) => [machine, 'pgrep -f "^sleep (7171|1717)"'] as const,
    )
    for (const [machine, look] of commands) expect(await lab.shell(machine, look)).toMatch(/\d/)
    const { status, text } = await project.cleanUp()
    expect(status, text).toBe(0)
    for (const [machine, look] of commands)
      expect((await lab.tryShell(machine, look)).exitCode, machine).toBe(1)
    expect(await project.pending()).toEqual([])
  })
})
