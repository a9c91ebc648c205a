/**
 * A network namespace that lives as long as its holder, a process of the container: nothing of it is left when the
 * container dies, however it dies. (A name under /run/netns would be a mount, and mounts need more privileges.)
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { run } from '../shared/run.ts'

/**
 * Runs in the new namespace before anything else. A container's /proc/sys is read-only, so a fresh proc is mounted in
 * a mount namespace of the holder's own. Defaults reach the devices that are moved in later.
 */
const setup = `
set -e
mount -t proc proc /proc
cd /proc/sys/net
for conf in all default; do
  echo 0 > ipv4/conf/$conf/rp_filter
  echo 0 > ipv4/conf/$conf/send_redirects
  echo 0 > ipv6/conf/$conf/disable_ipv6
  echo 0 > ipv6/conf/$conf/accept_ra
  echo 0 > ipv6/conf/$conf/accept_dad
  echo "$SOFTPLANE_FORWARD" > ipv6/conf/$conf/forwarding
done
echo "$SOFTPLANE_FORWARD" > ipv4/ip_forward
cd /
ip link set lo up
echo ready
exec "$@"
`
/** Waits for the end of its standard input, which is the end of the daemon. */
const idle = ['sh', '-c', 'while read -r _; do :; done'] as const

export interface NamespaceOptions {
  readonly name: string
  /** Whether the kernel forwards packets between its devices. */
  readonly forward: boolean
  /** The holder, run inside; reads standard input until its end. By default one that does nothing else. */
  readonly holder?: readonly string[]
}

export class Namespace {
  readonly name: string
  readonly pid: number
  readonly holder: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(name: string, holder: ChildProcess, pid: number) {
    this.name = name
    this.holder = holder
    this.pid = pid
    this.#ended = once(holder, 'exit')
  }

  /** Lines that the holder prints are given to `onLine`. */
  static async create(
    options: NamespaceOptions,
    onLine: (line: string) => void = () => undefined,
  ): Promise<Namespace> {
    const holder = spawn(
      'unshare',
      ['--net', '--mount', '--', 'sh', '-c', setup, options.name, ...(options.holder ?? idle)],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, SOFTPLANE_FORWARD: options.forward ? '1' : '0' },
      },
    )
    holder.stdin.on('error', () => undefined) // its end is seen by the exit event
    const lines = createInterface({ input: holder.stdout })
    await new Promise<void>((resolve, reject) => {
      holder.once('error', reject)
      holder.once('exit', (code) =>
        reject(new Error(`namespace ${options.name} was not made (status ${code})`)),
      )
      lines.once('line', () => resolve())
    })
    lines.on('line', onLine)
    return new Namespace(options.name, holder, holder.pid ?? 0)
  }

  /** Runs lines of `ip`'s batch language inside, up to the first that fails. */
  async ip(lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.run(['ip', '-batch', '-'], `${lines.join('\n')}\n`)
  }

  async run(argv: readonly string[], input = ''): Promise<string> {
    return await run(['nsenter', `--net=/proc/${this.pid}/ns/net`, '--', ...argv], input)
  }

  /** Ends the holder. The kernel removes the namespace and its devices a moment later. */
  async close(): Promise<void> {
    this.holder.kill('SIGKILL')
    await this.#ended
  }
}
