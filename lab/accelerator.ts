/**
 * Whether guests run under KVM here. Only booting one tells: /dev/kvm may open and make a virtual CPU on which an
 * ordinary kernel hangs before its first line (a para-virtual KVM in a nested machine). So the guest image's own kernel
 * is booted once, and the answer is remembered until the machine's kernel, CPU or QEMU changes.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { runLocally } from '../src/core/local-command.ts'
import { defaultCacheFolder } from './image/build.ts'

/** The `type` of a libvirt domain: hardware virtualisation, or QEMU's emulation (TCG). */
export type DomainType = 'kvm' | 'qemu'

export interface ProbeOptions {
  /** The path that `buildGuestImage` returned; its kernel lies beside it. */
  readonly image: string
  readonly log?: (line: string) => void
  /** Where the answer is remembered. Default: dpbench's cache folder. */
  readonly cacheDir?: string
  /** How long a kernel may take to start its first program under KVM. It takes about one second; default 8. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const emulator = 'qemu-system-x86_64'
const device = '/dev/kvm'

/** The kernel says so when it has brought the machine up and hands over to user space. */
const startedUserSpace = /Run \/init as init process/

/**
 * `kvm` when a kernel boots under it on this machine, else `qemu`.
 * @throws when QEMU itself is not there; the signal's reason when it aborts.
 */
export async function probeAccelerator(options: ProbeOptions): Promise<DomainType> {
  const { log = () => undefined, signal } = options
  const folder = options.cacheDir ?? defaultCacheFolder()
  const file = join(folder, 'accelerator.json')
  const machine = await machineIdentity(signal)
  const remembered = await recall(file, machine)
  if (remembered) return remembered
  const { domainType, reason } = await probe(options)
  log(domainType === 'kvm' ? 'guests run under KVM' : `guests are emulated: ${reason}`)
  await mkdir(folder, { recursive: true })
  const text = JSON.stringify({ machine, domainType, reason }, null, 2)
  await writeFile(`${file}.${process.pid}`, `${text}\n`)
  await rename(`${file}.${process.pid}`, file)
  return domainType
}

/** What the answer depends on. */
async function machineIdentity(signal?: AbortSignal): Promise<string> {
  const { stdout } = await runLocally([emulator, '--version'], { signal })
  const kvm = (await opens()) ? device : `no ${device}`
  return [release(), cpus()[0]?.model ?? 'unknown CPU', stdout.split('\n')[0], kvm].join(' | ')
}

async function recall(file: string, machine: string): Promise<DomainType | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (typeof found !== 'object' || found === null) return undefined
    const known = 'machine' in found && found.machine === machine && 'domainType' in found
    return known && (found.domainType === 'kvm' || found.domainType === 'qemu') ? found.domainType : undefined
  } catch {
    return undefined // not there, or not written by this version: the probe answers
  }
}

async function opens(): Promise<boolean> {
  return await access(device, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
}

async function probe(options: ProbeOptions): Promise<{ domainType: DomainType; reason: string }> {
  if (!(await opens())) return { domainType: 'qemu', reason: `${device} is not there or does not open` }
  options.log?.('trying whether a guest boots under KVM')
  const timeoutMs = options.timeoutMs ?? 8000
  const folder = dirname(options.image)
  const argv = [
    emulator,
    '-machine',
    'pc,accel=kvm',
    '-cpu',
    'host',
    '-m',
    '256',
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-no-reboot',
    '-serial',
    'stdio',
    '-kernel',
    join(folder, 'vmlinuz'),
    '-initrd',
    join(folder, 'initrd.img'),
    '-append',
    'console=ttyS0 root=LABEL=none panic=-1',
  ]
  // The death signal: an emulator must not outlive a probe that is killed.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  const complaints: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line))
  let started = false
  let lines = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines += 1
    if (!startedUserSpace.test(line)) return
    started = true
    child.kill('SIGKILL')
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeoutMs)
  const abort = (): void => void child.kill('SIGKILL')
  options.signal?.addEventListener('abort', abort, { once: true })
  try {
    await closed
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', abort)
  }
  options.signal?.throwIfAborted()
  if (started) return { domainType: 'kvm', reason: 'a guest kernel booted' }
  const reason = late
    ? `a guest kernel under KVM did not start within ${timeoutMs / 1000} s (${lines} lines on its console)`
    : `QEMU ended: ${complaints.at(-1) ?? 'without a word'}`
  return { domainType: 'qemu', reason }
}
