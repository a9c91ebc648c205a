/** A real sshd on loopback with keys of its own, for tests of the transport. Its state is one temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { runLocally } from '../../src/core/local-command.ts'
import type { HostAddress } from '../../src/transport/ssh/address.ts'

export interface TestSshd extends AsyncDisposable {
  readonly address: HostAddress
  readonly folder: string
  readonly pid: number
}

export async function startSshd(options: readonly string[] = []): Promise<TestSshd> {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-sshd-'))
  for (const name of ['host', 'client']) {
    await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
  }
  const port = await freePort()
  const config = join(folder, 'sshd_config')
  await writeFile(
    config,
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${folder}/host`,
      `AuthorizedKeysFile ${folder}/client.pub`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'AllowStreamLocalForwarding yes',
      'Subsystem sftp internal-sftp',
      ...options,
      '',
    ].join('\n'),
  )
  await runLocally(['mkdir', '-p', '/run/sshd'])
  const child: ChildProcess = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: 'ignore' })
  const hostKey = (await readFile(join(folder, 'host.pub'), 'utf8')).trim()
  return {
    folder,
    pid: child.pid!,
    address: {
      name: 'test-host',
      address: '127.0.0.1',
      port,
      user: userInfo().username,
      keyFile: join(folder, 'client'),
      hostKey,
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit')
      await rm(folder, { recursive: true })
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
