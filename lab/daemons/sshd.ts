/** OpenSSH as on a real hypervisor or guest: its own host key, root by the lab's key only, sockets may be forwarded. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runLocally, tryLocally } from '../../src/core/local-command.ts'
import type { Probe } from '../../src/core/wait.ts'
import { type NamespaceHost, insideHost } from '../namespaces/namespace-host.ts'
import { helperEnvironment, hostEnvironment } from '../tag.ts'
import { type Daemon, startDaemon } from './daemon.ts'

/** What the host sees as /etc/ssh and /root, both of its own. */
export const sshBinds = { '/etc/ssh': 'ssh', '/root': 'root' } as const

const configuration = `Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
AllowStreamLocalForwarding yes
AllowTcpForwarding yes
PidFile none
PrintMotd no
Subsystem sftp internal-sftp
`

/** @returns the new public key without its comment. */
export async function makeKeyPair(lab: string, file: string, comment: string): Promise<string> {
  const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]
  await runLocally(argv, { env: helperEnvironment(lab) })
  return keyOf(await readFile(`${file}.pub`, 'utf8'))
}

/** Lays the host's key, its configuration and root's authorized key. Returns the host key: `ssh-ed25519 AAAA…`. */
export async function laySshFiles(
  lab: string,
  host: string,
  folder: string,
  publicKeyFile: string,
): Promise<string> {
  const ssh = join(folder, 'ssh')
  const rootSsh = join(folder, 'root', '.ssh')
  await mkdir(ssh, { recursive: true, mode: 0o755 })
  await mkdir(join(folder, 'root'), { recursive: true, mode: 0o700 })
  await mkdir(rootSsh, { recursive: true, mode: 0o700 })
  await writeFile(join(ssh, 'sshd_config'), configuration)
  await copyFile(publicKeyFile, join(rootSsh, 'authorized_keys'))
  return makeKeyPair(lab, join(ssh, 'ssh_host_ed25519_key'), host)
}

/**
 * Starts sshd in `host` and waits until a key exchange from `from` (the machine without one) shows the right host key.
 * @throws WaitError
 */
export async function startSshd(
  host: NamespaceHost,
  address: string,
  hostKey: string,
  signal: AbortSignal,
  from?: NamespaceHost,
): Promise<void> {
  await mkdir(join(host.folder, 'run', 'sshd'), { recursive: true, mode: 0o755 })
  const daemon: Daemon = {
    name: 'sshd',
    argv: ['/usr/sbin/sshd', '-D', '-e'],
    probe: () => probeSshd(host.lab, address, hostKey, from),
    timeoutMs: 20_000,
  }
  await startDaemon(host, daemon, signal)
}

async function probeSshd(
  lab: string,
  address: string,
  hostKey: string,
  from: NamespaceHost | undefined,
): Promise<Probe<void>> {
  const scan = ['ssh-keyscan', '-T', '5', '-t', 'ed25519', address]
  const argv = from ? insideHost(from, scan) : scan
  const env = from ? hostEnvironment(lab, from.name) : helperEnvironment(lab)
  const { stdout, stderr } = await tryLocally(argv, { env, timeoutMs: 8000 })
  const seen = stdout.split('\n').find((line) => line.includes('ssh-ed25519'))
  if (seen === undefined) return { state: 'pending', seen: stderr.trim() || 'no answer' }
  const key = keyOf(seen.slice(seen.indexOf('ssh-ed25519')))
  if (key === hostKey) return { state: 'ready', value: undefined }
  return { state: 'failed', reason: `${address} shows another host key: ${key}` }
}

function keyOf(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ')
}
