/** Commands over a real sshd that share a shell which stays: what they keep of having a session each. */
import { join } from 'node:path'
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { shell } from '../../src/core/shell-quote.ts'
import { waitFor } from '../../src/core/wait.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import { type TestSshd, startSshd } from '../helpers/sshd.ts'

let sshd: TestSshd
let host: SshHost

beforeAll(async () => {
  sshd = await startSshd()
})
afterAll(() => sshd[Symbol.asyncDispose]())

const connected = async (to = sshd): Promise<SshHost> => connectHost(to.address)
/** What started the command: a shell that stays, or a process of sshd's. */
const parent = async (on: SshHost, ownSession = false): Promise<string> =>
  (await on.run(shell('echo $PPID'), { ownSession })).stdout.trim()
const nameOf = async (pid: string): Promise<string> =>
  (await tryLocally(['ps', '-o', 'args=', pid])).stdout.trim()
/** Init reaps what was killed a moment later. */
const toBeGone = (pid: string): Promise<boolean> =>
  waitFor(async () => ((await lives(pid)) ? { state: 'pending' } : { state: 'ready', value: true }), {
    what: `process ${pid} to be gone`,
    timeoutMs: 2000,
  })
const lives = async (pid: string): Promise<boolean> => (await tryLocally(['kill', '-0', pid])).exitCode === 0
const written = (file: string): Promise<string> =>
  waitFor(
    async () => {
      const text = await readFile(file, 'utf8').catch(() => '')
      return text.endsWith('\n') ? { state: 'ready', value: text.trim() } : { state: 'pending' }
    },
    { what: file, timeoutMs: 5000 },
  )

describe('a shell that stays', () => {
  beforeAll(async () => {
    host = await connected()
  })
  afterAll(() => host.close())

  test('runs one command after the other; those at once have one each', async () => {
    const first = await parent(host)
    expect(await nameOf(first)).toBe('sh -s dpbench-shell')
    expect(await parent(host)).toBe(first)
    const both = await Promise.all([
      host.run(shell('sleep 0.2; echo $PPID')),
      host.run(shell('sleep 0.2; echo $PPID')),
    ])
    expect(new Set(both.map(({ stdout }) => stdout)).size).toBe(2)
    expect(await nameOf(await parent(host, true))).toMatch(/^sshd/)
  })

  test('keeps nothing of a command: folder, variables, settings', async () => {
    const look = shell('pwd; umask; ulimit -n; env | sort')
    const before = await host.run(look)
    await host.run(shell('cd /; umask 077; ulimit -n 99; export LATER=1'))
    expect((await host.run(look)).stdout).toBe(before.stdout)
    expect(before.stdout).toContain('SSH_CONNECTION=')
  })

  test.each([
    ['nothing', ''],
    ['no newline at its end', 'a'],
    ['newlines at its end', 'a\n\n\n'],
    ['what a shell would read', `'"$(id)\`\\n\n%s -n EOF\n\u001E`],
    ['more than a pipe holds', 'ü€😀'.repeat(20_000)],
    ['more than the shell is given', 'x'.repeat(300 * 1024)],
    ['bytes that are no text', Buffer.from([0, 1, 0xff, 0xfe, 10, 13])],
  ])('standard input: %s', async (_what, input) => {
    const { stdout } = await host.run(['od', '-An', '-tx1', '-v'], { input })
    expect(stdout.replaceAll(/\s/g, '')).toBe(Buffer.from(input).toString('hex'))
  })

  test('what a command does not read of its input is nobody else’s', async () => {
    expect(await host.tryRun(shell('exit 3'), { input: 'x'.repeat(200_000) })).toMatchObject({ exitCode: 3 })
    expect((await host.run(['cat'])).stdout).toBe('')
  })

  test('standard input is in no list of processes', async () => {
    const [begun, looked] = [join(sshd.folder, 'begun'), join(sshd.folder, 'looked')]
    const script = 'cat; echo > "$1"; until [ -e "$2" ]; do sleep 0.05; done'
    const running = host.run(shell(script, begun, looked), { input: 'hush-4711' })
    await written(begun)
    const secret = await tryLocally(shell("grep -las 'hush-[4]711' /proc/[0-9]*/cmdline"))
    await writeFile(looked, '')
    expect((await running).stdout).toBe('hush-4711')
    expect(secret.stdout).toBe('')
  })

  test('a program that is not there, and one that may not run', async () => {
    expect(await host.tryRun(['no-such-program-here', 'x'])).toMatchObject({
      exitCode: 127,
      stderr: expect.stringMatching(/exec: no-such-program-here: not found/),
    })
    const file = join(sshd.folder, 'not executable')
    await writeFile(file, 'x')
    expect((await host.tryRun([file])).exitCode).toBe(126)
    expect((await host.tryRun(['printf', '%s|', '--', '-n'])).stdout).toBe('--|-n|')
  })

  test('a signal is told as one, and nothing is said of it', async () => {
    expect(await host.tryRun(shell('kill -SEGV $$'))).toMatchObject({
      exitCode: null,
      signal: 'SIGSEGV',
      stdout: '',
      stderr: '',
    })
    expect(await host.tryRun(shell('exit 255'))).toMatchObject({ exitCode: 255, signal: null })
  })

  test('at a deadline what the command started ends, and nothing that an earlier one left', async () => {
    const shellBefore = await parent(host)
    const [left, started] = [join(sshd.folder, 'left.pid'), join(sshd.folder, 'started.pid')]
    await host.run(shell('sleep 300 > /dev/null 2>&1 & echo $! > "$1"', left))
    const { timedOut, stdout } = await host.tryRun(
      shell('echo before; sleep 301 & echo $! > "$1"; wait', started),
      { timeoutMs: 500 },
    )
    expect({ timedOut, stdout }).toEqual({ timedOut: true, stdout: 'before\n' })
    await toBeGone(await written(started))
    expect(await lives(await written(left))).toBe(true)
    await host.run(['kill', await written(left)])
    expect(await parent(host)).not.toBe(shellBefore)
    expect((await host.run(['echo', 'on'])).stdout).toBe('on\n')
  })

  test('who is killed under a command costs that command alone', async () => {
    const of = await parent(host)
    const running = host.tryRun(['sleep', '300.815'])
    await host.run(['kill', '-KILL', of])
    expect(await running).toMatchObject({ exitCode: null, signal: null, timedOut: false })
    expect((await host.run(['echo', 'on'])).stdout).toBe('on\n')
    await host.run(['pkill', '-fx', 'sleep 300.815'])
  })

  test('what an earlier command goes on to say between two is none of theirs', async () => {
    const file = join(sshd.folder, 'late')
    await host.run(shell('(sleep 0.3; echo late; echo late >&2; echo > "$1") &', file))
    await written(file)
    const outputs = await Promise.all(Array.from({ length: 8 }, () => host.run(['echo', 'own'])))
    expect(outputs.map(({ stdout, stderr }) => stdout + stderr)).toEqual(Array(8).fill('own\n'))
  })
})

test.each(['1', '2', '4'])('a host that allows %s sessions: those that wait give way', async (most) => {
  await using small = await startSshd([`MaxSessions ${most}`])
  await using on = await connected(small)
  const file = join(small.folder, 'sent')
  await writeFile(file, 'sent')
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 6 }, () => on.run(['true'])))
    expect(await nameOf(await parent(on, true))).toMatch(/^sshd/)
  }
  if (most === '1') return // SFTP keeps its own
  await on.upload(file, `${file}.there`)
  expect(await on.readFile(`${file}.there`)).toBe('sent')
})

describe('where there can be no such shell, each command has a session', () => {
  test('no setsid', async () => {
    const folder = join(sshd.folder, 'bin')
    await tryLocally(shell('mkdir -p "$1" && ln -s "$(command -v sh)" "$(command -v cat)" "$1"', folder))
    await using bare = await startSshd([`SetEnv PATH=${folder}`])
    await using on = await connected(bare)
    for (let round = 0; round < 2; round++)
      expect(await nameOf((await on.run(shell('echo $PPID'))).stdout.trim())).toMatch(/^sshd/)
    expect((await on.run(['cat'], { input: 'in' })).stdout).toBe('in')
  })

  test('a login shell that starts nothing', async () => {
    await using closed = await startSshd(['ForceCommand echo not for you; exit 5'])
    await using on = await connected(closed)
    expect(await on.tryRun(['true'])).toMatchObject({ exitCode: 5, stdout: 'not for you\n' })
  })

  test('one that does not start: the deadline ends the wait, and an abort does', async () => {
    await using stuck = await startSshd(['ForceCommand sleep 30.6251'])
    await using on = await connected(stuck)
    expect(await on.tryRun(['true'], { timeoutMs: 300 })).toMatchObject({ timedOut: true, exitCode: null })
    const stop = new AbortController()
    const running = on.run(['true'], { signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 200)
    await expect(running).rejects.toThrow('enough')
    await tryLocally(['pkill', '-fx', 'sleep 30.6251'])
  })

  test('one whose start-up files talk', async () => {
    await using loud = await startSshd([
      'ForceCommand echo hello; echo hello >&2; eval "$SSH_ORIGINAL_COMMAND"',
    ])
    await using on = await connected(loud)
    expect(await on.tryRun(shell('echo out; echo err >&2'))).toMatchObject({
      stdout: 'out\n',
      stderr: 'err\n',
    })
  })
})
