/** Machines as a suite drives them, on namespace guests: commands, waits, copies, ports, links, and what such a guest cannot do. */
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { Project } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

const suite = `
import { mkdtempSync, mkdirSync, writeFileSync, symlinkSync, chmodSync, readFileSync, statSync, readlinkSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'dpbench'

const folder = mkdtempSync('copies-')
const background = (command) => '(' + command + ') >/dev/null 2>&1 & echo $! > /tmp/machines-pid'

test('1 commands', async ({ vm, hypervisor }) => {
  expect(await vm.vm1.succeed('echo a', 'cat < /dev/null', 'printf b')).toBe('a\\nb')
  expect(await hypervisor['hypervisor-1'].succeed('ip -br link show br-vm1')).toContain('br-vm1')
  expect(await vm.vm1.fail('echo no; false')).toBe('no\\n')
  expect(await vm.vm1.execute('echo out; echo err >&2; exit 5')).toEqual({ status: 5, stdout: 'out\\n', stderr: 'err\\n' })
  expect(await vm.vm1.execute('kill -KILL $$')).toMatchObject({ status: 137 })
  await expect(vm.vm1.succeed('true', 'echo said; ls /nowhere | cat', 'echo never')).rejects.toThrow(
    /^vm1: \`echo said; ls .nowhere \\| cat\` failed with status 2\\nstandard output: said\\nstandard error: ls: .*nowhere/)
  await expect(vm.vm1.succeed('echo $unset_variable')).rejects.toThrow(/unbound variable/)
  await expect(vm.vm1.succeed('false; true')).rejects.toThrow(/status 1/)
  await expect(vm.vm1.fail('true')).rejects.toThrow(/vm1: \`true\` was to fail, and ended with status 0/)
  await expect(vm.vm1.succeed('echo begun; sleep 60.25', { timeoutMs: 800 })).rejects.toThrow(/not done within 0.8 s[^]*begun/)
  await vm.vm1.waitUntilFails('pgrep -fx "sleep 60.25"', { timeoutMs: 5000 })
  await vm.vm1.succeed('rm -f /tmp/soon', background('sleep 1; touch /tmp/soon; sleep 1; rm /tmp/soon'))
  await vm.vm1.waitUntilSucceeds('test -e /tmp/soon', { timeoutMs: 10000 })
  await vm.vm1.waitUntilFails('test -e /tmp/soon', { timeoutMs: 10000 })
  await expect(vm.vm1.waitUntilSucceeds('echo still >&2; exit 3', { timeoutMs: 700 })).rejects.toThrow(/on vm1; last seen: status 3\\nstill/)
  await expect(vm.vm1.succeed()).rejects.toThrow(/at least one command/)
  await expect(vm.vm1.succeed('true', { timeout: 5 })).rejects.toThrow(/after them { timeoutMs }, not {"timeout":5}/)
  await expect(vm.vm1.waitForFile('/nowhere', { timeoutMs: NaN })).rejects.toThrow(/timeoutMs is NaN: write milliseconds/)
  await expect(vm.vm1.sleep(-1)).rejects.toThrow(/write milliseconds/)
})

test('2 waits', async ({ vm, hypervisor }) => {
  const { vm1, vm2 } = vm
  const server = (listen) => background("exec python3 -c \\"import socket,time;" + listen + ";time.sleep(60)\\"")
  await vm1.succeed('rm -rf /tmp/machines-*; mkdir /tmp/machines-d')
  await vm1.succeed(background('sleep 0.5; touch "/tmp/machines-d/a b"'))
  await vm1.waitForFile('/tmp/machines-d/a b', { timeoutMs: 5000 })
  await expect(vm1.waitForFile('/tmp/machines-never', { timeoutMs: 500 })).rejects.toThrow(/there is no .tmp.machines-never/)

  await vm1.succeed(server("s=socket.create_server(('127.0.0.1',7701))"))
  await vm1.waitForOpenPort(7701, { timeoutMs: 10000 })
  await vm1.waitForOpenPort(7701, { address: '127.0.0.1' })
  await expect(vm1.waitForOpenPort(7701, { address: '::1', timeoutMs: 300 })).rejects.toThrow(/open on 127.0.0.1/)
  await expect(vm1.waitForOpenPort(7701, { protocol: 'udp', timeoutMs: 300 })).rejects.toThrow(/no such socket/)
  await expect(vm1.waitForClosedPort(7701, { timeoutMs: 300 })).rejects.toThrow(/7701.tcp on vm1 to be closed; last seen: open on/)
  await vm1.waitForOpenPort(7701, { from: vm1, address: '127.0.0.1' })
  await vm1.succeed(server("s=socket.socket(socket.AF_INET6);s.bind(('::ffff:127.0.0.1',7704));s.listen()").replace('machines-pid', 'machines-pid2'))
  await vm1.waitForOpenPort(7704, { address: '127.0.0.1', timeoutMs: 10000 })
  await vm1.succeed('kill $(cat /tmp/machines-pid2)')
  await expect(vm1.waitForOpenPort(7701, { from: vm2, address: vm1.overlayAddress('ipv4'), timeoutMs: 500 })).rejects.toThrow(/seen from vm2/)
  await vm1.succeed('kill $(cat /tmp/machines-pid)')
  await vm1.waitForClosedPort(7701, { timeoutMs: 5000 })

  await vm1.succeed(server("s=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM);s.bind(('::',7702))"))
  await vm1.waitForOpenPort(7702, { protocol: 'udp', address: '10.1.2.3', timeoutMs: 10000 })
  await vm1.succeed('kill $(cat /tmp/machines-pid)')
  await vm1.waitForClosedPort(7702, { protocol: 'udp', timeoutMs: 5000 })
  await expect(vm1.waitForOpenPort(70000)).rejects.toThrow(/70000 is not a port/)
  await expect(vm1.waitForOpenPort(80, { address: 'vm2' })).rejects.toThrow(/not an IP address/)

  await vm1.succeed(server("s=socket.socket(socket.AF_UNIX);s.bind('/tmp/machines-s k');s.listen()"))
  await vm1.succeed('ln -s /tmp /tmp/machines-link')
  await vm1.waitForUnixSocket('/tmp/machines-s k', { timeoutMs: 10000 })
  await vm1.waitForUnixSocket('/tmp/machines-link/machines-s k')
  await expect(vm1.waitForUnixSocket('/tmp/machines-s k', { type: 'datagram', timeoutMs: 300 })).rejects.toThrow(/no process serves it/)
  await vm1.succeed('kill $(cat /tmp/machines-pid)')
  await vm1.waitUntilFails('kill -0 $(cat /tmp/machines-pid)')
  await expect(vm1.waitForUnixSocket('/tmp/machines-s k', { timeoutMs: 300 })).rejects.toThrow(/no process serves it/)
  await vm1.succeed('rm -rf /tmp/machines-*')
  const began = performance.now()
  await vm1.sleep(250)
  expect(performance.now() - began).toBeGreaterThan(245)
  vm1.log('said in the test')
})

test('3 copies', async ({ vm, hypervisor }) => {
  const bytes = randomBytes(3_000_001)
  mkdirSync(join(folder, 'in/sub/-x'), { recursive: true })
  mkdirSync(join(folder, 'in/empty'))
  writeFileSync(join(folder, 'in/binary'), bytes)
  writeFileSync(join(folder, 'in/sub/-x/tool'), '#!/bin/sh\\necho it runs\\n')
  chmodSync(join(folder, 'in/sub/-x/tool'), 0o750)
  chmodSync(join(folder, 'in/empty'), 0o700)
  symlinkSync('../binary', join(folder, 'in/sub/link'))
  const modes = (path) => statSync(path).mode & 0o7777
  for (const machine of [vm.vm1, hypervisor['hypervisor-1']]) {
    const there = '/tmp/machines-copy/a folder'
    await machine.copyToGuest(join(folder, 'in'), there)
    expect(await machine.succeed("'" + there + "/sub/-x/tool'")).toBe('it runs\\n')
    const out = join(folder, 'out-' + machine.name)
    await machine.copyFromGuest(there, out)
    expect(readFileSync(join(out, 'binary')).equals(bytes)).toBe(true)
    expect(readlinkSync(join(out, 'sub/link'))).toBe('../binary')
    expect([modes(join(out, 'sub/-x/tool')), modes(join(out, 'empty')), modes(out)]).toEqual([0o750, 0o700, modes(join(folder, 'in'))])
    await machine.copyToGuest(join(folder, 'in/sub/-x/tool'), '/tmp/machines-copy/new/tool')
    expect(await machine.succeed('stat -c %a /tmp/machines-copy/new/tool')).toBe('750\\n')
    await machine.copyFromGuest('/tmp/machines-copy/a folder/binary', join(out, 'again/'))
    expect(readFileSync(join(out, 'again/binary')).equals(bytes)).toBe(true)
    // a folder that is there keeps its own mode
    await machine.succeed('chmod 1777 /tmp/machines-copy')
    await machine.copyToGuest(join(folder, 'in'), '/tmp/machines-copy')
    expect(await machine.succeed('stat -c %a /tmp/machines-copy')).toBe('1777\\n')
    await expect(machine.copyToGuest(join(folder, 'in/binary'), '/tmp/machines-copy')).rejects.toThrow(/is a folder; end the target with/)
    await expect(machine.copyToGuest(join(folder, 'in'), '/dev/null/x')).rejects.toThrow(new RegExp('could not be copied to /dev/null/x on ' + machine.name))
    await expect(machine.copyToGuest(join(folder, 'missing'), '/tmp/x')).rejects.toThrow(/there is no .*missing to copy/)
    await expect(machine.copyFromGuest('/nowhere', join(folder, 'x'))).rejects.toThrow(/there is no .nowhere/)
    await expect(machine.copyFromGuest('/tmp/machines-copy', join(folder, 'in/binary'))).rejects.toThrow(/could not be copied to .*binary: EEXIST/)
    await machine.succeed('mkfifo /tmp/machines-copy/pipe')
    await expect(machine.copyFromGuest('/tmp/machines-copy/pipe', join(folder, 'x'))).rejects.toThrow(/neither a file nor a folder/)
    await expect(machine.copyToGuest('/dev/null', '/tmp/machines-copy/null')).rejects.toThrow(/neither a file nor a folder/)
    await machine.succeed('rm -rf /tmp/machines-copy')
  }
})

let port
test('4 a forwarded port', async ({ vm }) => {
  const serve = "import socket;s=socket.create_server(('127.0.0.1',7703));\\nwhile 1:\\n c=s.accept()[0];d=b''\\n while True:\\n  r=c.recv(65536)\\n  if not r: break\\n  d+=r\\n c.sendall(d[::-1]);c.close()"
  await vm.vm1.succeed("cat > /tmp/machines-serve.py <<'END'\\n" + serve + "\\nEND", background('exec python3 /tmp/machines-serve.py'))
  await vm.vm1.waitForOpenPort(7703, { timeoutMs: 10000 })
  const forwarded = await vm.vm1.forwardPort(7703)
  port = forwarded.port
  const asked = randomBytes(300_000)
  const answer = await new Promise((resolve, reject) => {
    const parts = []
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(asked))
    socket.on('data', (part) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts))).on('error', reject)
  })
  expect(answer.equals(Buffer.from(asked).reverse())).toBe(true)
  await expect(vm.vm1.forwardPort(7703, { localPort: port })).rejects.toThrow(/EADDRINUSE/)
  await vm.vm1.succeed('kill $(cat /tmp/machines-pid); rm /tmp/machines-*')
})
test('5 it is closed with its test', async ({ vm }) => {
  await expect(new Promise((resolve, reject) => connect({ port, host: '127.0.0.1' }, resolve).on('error', reject))).rejects.toThrow(/ECONNREFUSED/)
})

const ping = 'ping -c 1 -W 1 '
test('6 a link that is away', async ({ vm, dataplane }) => {
  await dataplane.route(vm.vm1, vm.vm2)
  const to = vm.vm2.overlayAddress('ipv4')
  await vm.vm1.waitUntilSucceeds(ping + to, { timeoutMs: 10000 })
  await vm.vm2.block()
  await vm.vm2.block()
  await vm.vm1.fail(ping + to)
  await vm.vm2.succeed('true')
  await vm.vm2.unblock()
  await vm.vm2.unblock()
  await vm.vm1.waitUntilSucceeds(ping + to, { timeoutMs: 10000 })
  await vm.vm1.block()
  await vm.vm1.fail(ping + to)
  throw new Error('fails on purpose')
})
test('7 it is back with the next test', async ({ vm, dataplane }) => {
  await dataplane.route(vm.vm1, vm.vm2)
  await vm.vm1.waitUntilSucceeds(ping + vm.vm2.overlayAddress('ipv4'), { timeoutMs: 10000 })
})

test('8 what a namespace guest cannot do', async ({ vm, hypervisor }) => {
  const { vm1 } = vm
  for (const operation of ['start', 'shutdown', 'crash'])
    await expect(vm1[operation]()).rejects.toThrow(/^vm1 is no libvirt domain on hypervisor-1 .*, so it has no power to be/)
  await expect(vm1.reboot()).rejects.toThrow(/^vm1 shares the kernel of hypervisor-1 .*cannot be rebooted/)
  for (const asked of [() => vm1.waitForUnit('ssh'), () => vm1.getUnitInfo('ssh'), () => vm1.startUnit('ssh'), () => vm1.systemctl('status'), () => hypervisor['hypervisor-1'].requireUnitState('ssh')])
    await expect(asked()).rejects.toThrow(/does not run systemd .*it has no units/)
})
`

const killed = `
import { test } from 'dpbench'

test('blocks', async ({ vm }) => {
  await vm.vm1.block()
  vm.vm1.log('is blocked')
  await vm.vm1.sleep(60000)
})
test('after', async ({ vm, dataplane }) => {
  await dataplane.route(vm.vm1, vm.vm2)
  await vm.vm1.waitUntilSucceeds('ping -c 1 -W 1 ' + vm.vm2.overlayAddress('ipv4'), { timeoutMs: 10000 })
})
`

describe.skipIf(whyNoLab.length > 0)('machines in a suite', { timeout: 360_000 }, () => {
  const lab = useLab()

  test('commands, waits, copies, ports and links of namespace guests', async () => {
    const project = await Project.create(lab, { suites: { 'machines.test.ts': suite } })
    const before = await lab.snapshot()
    const { text } = await project.run('--mode', 'offload')
    const { tests, steps } = await project.record()
    const states = tests.map(({ name, result }) => `${name}: ${result.state}`)
    expect(states, text).toEqual([
      '1 commands: passed',
      '2 waits: passed',
      '3 copies: passed',
      '4 a forwarded port: passed',
      '5 it is closed with its test: passed',
      '6 a link that is away: error',
      '7 it is back with the next test: passed',
      '8 what a namespace guest cannot do: passed',
    ])
    expect(text).toContain('fails on purpose')
    expect(text).toContain('vm1: said in the test')
    expect(steps.map(({ machine, name }) => `${machine}: ${name}`)).toEqual(
      expect.arrayContaining(['vm2: block', 'vm1: wait for the open port 7701', 'vm1: said in the test']),
    )
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('a link that a killed run left away is back with the next one', async () => {
    const project = await Project.create(lab, { suites: { 'killed.test.ts': killed } })
    const run = project.start('--mode', 'offload', '-t', 'blocks')
    await run.shows(/vm1: is blocked/)
    run.signalGroup('SIGKILL')
    await run.ended
    expect(await project.pending()).toContain('vm1: the link of its data NIC')
    const { status, text } = await project.run('--mode', 'offload', '-t', 'after')
    expect(status, text).toBe(0)
    expect(text).toMatch(/putting back what an earlier run left: .*the link of its data NIC/)
    expect(await project.pending()).toEqual([])
  })
})
