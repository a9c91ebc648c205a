/** The SSH host key of a VM, made before the VM is, so that its first connection is verified like every other. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ProvisionError } from '../src/core/errors.ts'

export interface HostKeyPair {
  /** OpenSSH's private key format. */
  readonly privateKey: string
  /** `ssh-ed25519 AAAA…`, as a config's `host_key`. */
  readonly publicKey: string
}

/**
 * By OpenSSH itself, in a folder that nobody else can look into and that is gone afterwards. ssh2 1.17 makes about one
 * key in 256 that OpenSSH cannot load ("error in libcrypto"), and the sshd of such a VM never starts.
 * @throws ProvisionError without ssh-keygen
 */
export function generateHostKey(): HostKeyPair {
  const folder = mkdtempSync(path.join(tmpdir(), 'dpbench-host-key-'))
  try {
    const file = path.join(folder, 'key')
    const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file], {
      encoding: 'utf8',
    })
    if (made.status !== 0) {
      const reason = made.error?.message ?? made.stderr.trim()
      throw new ProvisionError(
        `a VM's host key cannot be made: ${reason}; install ssh-keygen (OpenSSH's client)`,
      )
    }
    return {
      privateKey: readFileSync(file, 'utf8'),
      publicKey: readFileSync(`${file}.pub`, 'utf8').trim().split(/\s+/).slice(0, 2).join(' '),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
