/** The SSH host key of a VM, made before the VM is, so that its first connection is verified like every other. */
import ssh2 from 'ssh2'

export interface HostKeyPair {
  /** OpenSSH's private key format. */
  readonly privateKey: string
  /** `ssh-ed25519 AAAA…`, as a config's `host_key`. */
  readonly publicKey: string
}

export function generateHostKey(): HostKeyPair {
  const pair = ssh2.utils.generateKeyPairSync('ed25519')
  return {
    privateKey: `${pair.private.trim()}\n`,
    publicKey: pair.public.trim().split(/\s+/).slice(0, 2).join(' '),
  }
}
