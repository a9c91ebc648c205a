/** Whether this machine can host a lab at all. */
import { spawnSync } from 'node:child_process'
import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { UsageError } from '../src/core/errors.ts'
import { labsFolder } from './paths.ts'

/**
 * Tries what a lab is made of, in namespaces that are gone at once.
 * @throws UsageError with one sentence per fault.
 */
export function requireLabCapable(): void {
  const faults = capabilityFaults()
  if (faults.length > 0) throw new UsageError(['This machine cannot host a lab:', ...faults].join('\n  '))
}

/** One sentence per reason why this machine, or this user, cannot host a lab. Empty when it can. */
export function capabilityFaults(): string[] {
  if (process.platform !== 'linux') return [`A lab needs Linux; this is ${process.platform}.`]
  if (process.getuid?.() !== 0)
    return ['A lab needs root, for namespaces, network links and mounts: use sudo.']
  const namespaces = attempt(['unshare', '--net', '--mount', '--uts', '--ipc', '--pid', '--fork', 'true'])
  if (namespaces !== undefined) return [`Namespaces cannot be made here (${namespaces}).`]
  const faults: string[] = []
  for (const [kind, command] of [
    ['a veth pair', 'ip link add dpbench0 type veth peer name dpbench1'],
    ['a bridge', 'ip link add dpbench0 type bridge'],
  ] as const) {
    const reason = attempt(['unshare', '--net', 'sh', '-c', command])
    if (reason !== undefined) faults.push(`The kernel makes no ${kind.replace(/^a /, '')} (${reason}).`)
  }
  const overlay = attempt([
    'unshare',
    '--mount',
    'sh',
    '-ec',
    'mount -t tmpfs tmpfs /tmp; cd /tmp; mkdir u w m; mount -t overlay -o lowerdir=/etc,upperdir=u,workdir=w overlay m',
  ])
  if (overlay !== undefined) faults.push(`The kernel mounts no overlay file system (${overlay}).`)
  if (statfsSync(existing(labsFolder)).type === overlayMagic) {
    faults.push(
      `${labsFolder} lies on an overlay file system, as in a container, on which no other overlay can stand: ` +
        'mount a disk there, or a tmpfs.',
    )
  }
  if (!existsSync('/dev/net/tun'))
    faults.push('There is no /dev/net/tun, which QEMU and the data plane need.')
  return faults
}

/** OVERLAYFS_SUPER_MAGIC of linux/magic.h. */
const overlayMagic = 0x794c7630

function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path))
}

/** Why it failed, or `undefined`. A program that is not installed yet is not the machine's fault. */
function attempt(argv: readonly string[]): string | undefined {
  const [program, ...args] = argv
  const { status, stderr, error } = spawnSync(program as string, args, { timeout: 10_000, encoding: 'utf8' })
  if (error && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
  if (error) return error.message
  if (status === 0 || status === 127) return undefined
  return stderr.trim().split('\n')[0] || `exit status ${status}`
}
