import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, Socket, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { waitFor } from '../../src/core/wait.ts'
import { shell } from '../../src/core/shell-quote.ts'
import { dockerOf } from '../../src/transport/docker/docker-over-ssh.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import { type TestSshd, startSshd } from '../helpers/sshd.ts'

let sshd: TestSshd
let host: SshHost

beforeAll(async () => {
  sshd = await startSshd()
  host = await connectHost(sshd.address)
})
afterAll(async () => {
  await host.close()
  await sshd[Symbol.asyncDispose]()
})

/** SIGKILL takes effect, and init reaps, a moment after it was sent. */
const toBeGone = (pid: number): Promise<boolean> =>
  waitFor(
    async () => {
      const { exitCode } = await tryLocally(['kill', '-0', String(pid)])
      return exitCode === 0 ? { state: 'pending', seen: 'it runs' } : { state: 'ready', value: true }
    },
    { what: `process ${pid} to be gone`, timeoutMs: 2000 },
  )

test('small packets do not wait for the answer to the one before them', async () => {
  const noDelay = vi.spyOn(Socket.prototype, 'setNoDelay')
  try {
    await using _another = await connectHost(sshd.address)
    expect(noDelay.mock.calls).toEqual([[true]])
  } finally {
    noDelay.mockRestore()
  }
})

describe('commands', () => {
  test('arguments reach the program as they are', async () => {
    const nasty = [
      'a b',
      "it's",
      '$(id)',
      '`id`',
      '"',
      '\\',
      'line\nbreak',
      '*',
      '',
      '--',
      'ü',
      '; rm -rf x',
      '~',
    ]
    const result = await host.run(['printf', '%s\\0', ...nasty])
    expect(result.stdout.split('\0').slice(0, -1)).toEqual(nasty)
  })

  test('output, error output, exit status and signal come back apart', async () => {
    const result = await host.tryRun(shell('echo out; echo err >&2; exit 7'))
    expect(result).toMatchObject({
      stdout: 'out\n',
      stderr: 'err\n',
      exitCode: 7,
      signal: null,
      timedOut: false,
    })
    expect(await host.tryRun(shell('kill -TERM $$'))).toMatchObject({ exitCode: null, signal: 'SIGTERM' })
  })

  test('many quick commands at once lose neither a session nor an exit status', async () => {
    const codes = await Promise.all(
      Array.from(
        { length: 200 },
        async (_, index) => (await host.tryRun(shell('exit "$1"', String(index % 7)))).exitCode,
      ),
    )
    expect(codes).toEqual(codes.map((_, index) => index % 7))
  }, 60_000)

  test('a failing command throws with host, command and output', async () => {
    await expect(host.run(shell('echo sorry >&2; exit 3'))).rejects.toThrow(
      /test-host: command failed with exit code 3: sh -c .*\nsorry/s,
    )
  })

  test('standard input is streamed, and closed where there is none', async () => {
    const chunks = Array.from({ length: 64 }, (_, index) => Buffer.alloc(65_536, index))
    const sum = await host.run(['sha256sum'], { input: Readable.from(chunks) })
    const expected = await tryLocally(['sha256sum'], { input: Buffer.concat(chunks) })
    expect(sum.stdout).toBe(expected.stdout)
    expect((await host.run(['cat'])).stdout).toBe('')
  })

  test('standard output goes where it is wanted, byte for byte, also when that is slow', async () => {
    const bytes = randomBytes(4_000_000)
    const parts: Buffer[] = []
    const slow = new Writable({
      write(part: Buffer, _encoding, done) {
        parts.push(part)
        setTimeout(done, parts.length % 20 === 0 ? 5 : 0)
      },
    })
    const done = finished(slow)
    const result = await host.run(shell('cat; echo err >&2'), { input: Readable.from([bytes]), output: slow })
    await done
    expect(Buffer.concat(parts).equals(bytes)).toBe(true)
    expect(result).toMatchObject({ stdout: '', stderr: 'err\n' })
  })

  test('at its deadline a command and its children are killed on the remote side', async () => {
    const pidFile = join(sshd.folder, 'child.pid')
    const result = await host.tryRun(shell('trap "" TERM; sleep 300 & echo $! > "$1"; wait', pidFile), {
      timeoutMs: 700,
    })
    expect(result.timedOut).toBe(true)
    const pid = Number(await readFile(pidFile, 'utf8'))
    expect(await toBeGone(pid)).toBe(true)
  })

  test.each([0, 2, 5, 10, 20])(
    'aborted %i ms after its start, a command is killed all the same',
    async (ms) => {
      const stop = new AbortController()
      const running = host.tryRun(['sleep', `4${ms}.25`], { signal: stop.signal })
      setTimeout(() => stop.abort(), ms)
      const { durationMs } = await running
      expect(durationMs).toBeLessThan(20_000)
      expect((await host.tryRun(['pgrep', '-fx', `sleep 4${ms}.25`])).stdout).toBe('')
    },
  )

  test('an abort kills it too, and rejects', async () => {
    const pidFile = join(sshd.folder, 'aborted.pid')
    const abort = new AbortController()
    const running = host.run(shell('echo $$ > "$1"; exec sleep 300', pidFile), { signal: abort.signal })
    const pid = await waitFor(
      async () => {
        const text = await readFile(pidFile, 'utf8')
        return text ? { state: 'ready', value: Number(text) } : { state: 'pending' }
      },
      { what: 'the pid file', timeoutMs: 5000 },
    )
    abort.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    expect(await toBeGone(pid)).toBe(true)
  })

  test('more commands at once than sshd has sessions', async () => {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) => host.run(['echo', String(index)])),
    )
    expect(results.map((result) => Number(result.stdout))).toEqual(
      Array.from({ length: 40 }, (_, index) => index),
    )
  })

  test('a lost connection is an error of the connection, not of the command', async () => {
    await using other = await connectHost(sshd.address)
    await expect(other.run(shell('kill -9 "$PPID"; sleep 5'), { ownSession: true })).rejects.toThrow(
      /SSH connection .* was lost while/,
    )
    await expect(other.run(['true'])).rejects.toThrow(/lost before/)
  })
})

describe('files', () => {
  test('a file is written whole, with its mode, and read back', async () => {
    const path = join(sshd.folder, "a file's name")
    await host.writeFile(path, 'content\n', { mode: 0o600 })
    expect(await host.readFile(path)).toBe('content\n')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('SFTP up and down', async () => {
    const local = join(sshd.folder, 'local.bin')
    await writeFile(local, Buffer.alloc(300_000, 7))
    await host.upload(local, join(sshd.folder, 'remote.bin'))
    await host.download(join(sshd.folder, 'remote.bin'), join(sshd.folder, 'back.bin'))
    expect(await readFile(join(sshd.folder, 'back.bin'))).toEqual(await readFile(local))
  })
})

describe('who answers', () => {
  test('another host key than the pinned one is refused at once, with both fingerprints', async () => {
    await using impostor = await startSshd()
    const wrong = { ...sshd.address, hostKey: impostor.address.hostKey }
    const started = performance.now()
    await expect(connectHost(wrong)).rejects.toMatchObject({
      code: 'DPBENCH_HOST_KEY',
      message: expect.stringMatching(/presented SHA256:\S+, expected SHA256:\S+/),
    })
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test('a fingerprint or a file pins as well', async () => {
    const { stdout } = await tryLocally(['ssh-keygen', '-lf', join(sshd.folder, 'host.pub')])
    for (const hostKey of [stdout.split(' ')[1]!, join(sshd.folder, 'host.pub')]) {
      await using other = await connectHost({ ...sshd.address, hostKey })
      expect((await other.run(['true'])).exitCode).toBe(0)
    }
  })

  test('a host that nothing pins is refused', async () => {
    await expect(connectHost({ ...sshd.address, hostKey: undefined })).rejects.toThrow(/no host key is known/)
  })

  test('a key that the host does not know is refused without retries', async () => {
    await using other = await startSshd()
    const wrong = { ...sshd.address, keyFile: other.address.keyFile }
    await expect(connectHost(wrong)).rejects.toThrow(/does not accept the key/)
  })

  test('nobody there: the deadline ends it, with what to check', async () => {
    await expect(connectHost({ ...sshd.address, port: 1 }, { timeoutMs: 500 })).rejects.toThrow(
      /no SSH connection to .* within 0.5 s .*ECONNREFUSED/,
    )
  })

  test('through another host', async () => {
    await using inner = await startSshd()
    await using other = await connectHost(inner.address, { via: host })
    expect((await other.run(['echo', 'inner'])).stdout).toBe('inner\n')
  })

  test('through another host: a connection that its far end closes is lost, and what it runs is told so', async () => {
    await using inner = await startSshd()
    await using other = await connectHost(inner.address, { via: host })
    const running = other.run(shell('kill -9 "$PPID"; exec sleep 4'), {
      ownSession: true,
      as: { kind: 'command', name: 'a sleep' },
    })
    await expect(running).rejects.toThrow(/the SSH connection to .* was lost while it ran a sleep/)
    expect(other.connected).toBe(false)
  }, 15_000)
})

test('the Docker API over a forwarded Unix socket', async () => {
  const socket = join(sshd.folder, 'docker.sock')
  const server = createServer((_, response) => response.end('OK')).listen(socket)
  try {
    const docker = dockerOf(host, socket)
    const answers = await Promise.all(Array.from({ length: 20 }, () => docker.ping()))
    expect(answers.map(String)).toEqual(Array.from({ length: 20 }, () => 'OK'))
    // docker-modem describes it, whole, with each call
    const { agent } = docker.modem as { agent?: unknown }
    expect(inspect(agent, { depth: null, showHidden: true })).toBe(`an agent of ${socket} on test-host`)
  } finally {
    server.close()
  }
})

test('a machine that takes a connection and says nothing is a failure once, also when its socket closes later', async () => {
  const silent = createTcpServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const taken = once(silent, 'connection')
  const { port } = silent.address() as AddressInfo
  const connecting = connectHost({ ...sshd.address, port }, { via: host, timeoutMs: 1500 })
  await expect(connecting).rejects.toThrow(/no SSH connection to .* within 1\.5 s/)
  const [socket] = (await taken) as [Socket]
  // Vitest counts what is thrown to nobody as a failure
  const closed = once(socket, 'close')
  socket.destroy()
  await closed
  silent.close()
  await host.run(['true'])
})
