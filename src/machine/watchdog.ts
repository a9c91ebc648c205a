/**
 * Watches what kernels say: a VM's on its serial console, a hypervisor's in its kernel log. Each look reads what was
 * written since the one before; between looks nothing runs anywhere, so a measured window costs nothing.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { MachineError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import type { RemoteHost } from '../transport/host.ts'
import { type ConsoleMark, markConsole, newConsoleText } from './console-log.ts'
import { type KernelTrouble, describeTrouble, kernelTrouble } from './kernel-trouble.ts'

/** Where a kernel's words are read. */
interface Source {
  /** What was said since the last call; the first call begins there. */
  news(): Promise<string>
}

/** What belongs to a trouble is written within this; the lines of a trace come one by one over a serial line. */
const traceMs = 500

/** Between two looks while a test waits for something. */
const whileWaitingMs = 2000

export class KernelWatch {
  readonly name: string
  private readonly source: Source
  private hasBegun = false
  /** A line of which the end had not come. */
  private rest = ''
  private looking: Promise<KernelTrouble[]> = Promise.resolve([])
  /** Found, and told nobody yet. */
  private untold: KernelTrouble[] = []

  private constructor(name: string, source: Source) {
    this.name = name
    this.source = source
  }

  /** Of a VM. One that is no libvirt domain has no console, and is never in trouble: its kernel is its hypervisor's. */
  static ofGuest(guest: {
    readonly name: string
    readonly hypervisor: { readonly ssh: RemoteHost }
  }): KernelWatch {
    let mark: ConsoleMark | undefined
    let asked = false // of a guest without a console once, not at each look
    return new KernelWatch(guest.name, {
      async news() {
        const { ssh } = guest.hypervisor
        if (!asked) mark = await markConsole(ssh, guest.name)
        asked = true
        if (!mark) return ''
        const { text, mark: end } = await newConsoleText(ssh, mark)
        mark = end
        return text
      },
    })
  }

  /** Of a hypervisor. Processes that are killed because their control group is full are left out: that bound is meant. */
  static ofHypervisor(host: { readonly name: string; readonly ssh: RemoteHost }): KernelWatch {
    let since: string | undefined
    return new KernelWatch(host.name, {
      async news() {
        const { stdout } = await host.ssh.run(shell(kernelLogScript, since ?? ''), { timeoutMs: 30_000 })
        const end = stdout.indexOf('\n')
        since = stdout.slice(0, end)
        return stdout.slice(end + 1)
      },
    })
  }

  get begun(): boolean {
    return this.hasBegun
  }

  /** From now on it looks. Later calls do nothing. */
  async begin(): Promise<void> {
    if (this.hasBegun) return
    this.hasBegun = true
    await this.source.news()
  }

  /** Looks, and keeps what it found for whoever takes it. */
  async look(): Promise<readonly KernelTrouble[]> {
    if (!this.hasBegun) await this.begin()
    // one at a time: two would read the same twice, or each a half
    const before = this.looking.catch(() => undefined) // a look that failed is told to whoever asked for it
    this.looking = before.then(() => this.lookOnce())
    this.untold.push(...(await this.looking))
    return this.untold
  }

  /** What it found since somebody last took it; it fails nothing any more. */
  async take(): Promise<readonly KernelTrouble[]> {
    await this.look()
    return this.untold.splice(0)
  }

  /** @throws MachineError with the machine and the lines, once for each trouble */
  async refuse(): Promise<void> {
    const found = await this.take()
    if (found.length > 0) throw new MachineError(describeTrouble(this.name, found))
  }

  /** Looks now and then, while somebody waits. Never resolves. @throws MachineError, as `refuse` */
  async refuseUntil(signal: AbortSignal): Promise<never> {
    for (;;) {
      await delay(whileWaitingMs, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await this.look()
      // what a look finds after its wait has ended is for the next one who asks
      if (signal.aborted) return new Promise<never>(() => undefined)
      if (this.untold.length > 0) await this.refuse()
    }
  }

  private async lookOnce(): Promise<KernelTrouble[]> {
    let text = this.rest + (await this.source.news())
    if (kernelTrouble(text).length > 0) {
      await delay(traceMs) // paid only where there is trouble
      text += await this.source.news()
    }
    const end = text.lastIndexOf('\n') + 1
    const found = kernelTrouble(text)
    this.rest = found.length > 0 ? '' : text.slice(end).slice(-4096)
    return found
  }
}

/** The first line is the kernel's time now; after it what its log has since `$1`. Without `$1` nothing. */
const kernelLogScript = `cut -d' ' -f1 /proc/uptime
[ -n "$1" ] || exit 0
dmesg 2>/dev/null | awk -v since="$1" '{ at = $0; gsub(/^\\[ */, "", at); if ($0 ~ /^\\[ *[0-9]/ && at + 0 >= since + 0) print }' |
  grep -v 'Memory cgroup out of memory' || true`

/** @throws MachineError with the lines of every machine that is in trouble */
export async function refuseTrouble(watches: Iterable<KernelWatch>): Promise<void> {
  const taken = await Promise.all(
    [...watches].map(async (watch) => ({ name: watch.name, trouble: await watch.take() })),
  )
  const told = taken.flatMap(({ name, trouble }) =>
    trouble.length > 0 ? [describeTrouble(name, trouble)] : [],
  )
  if (told.length > 0) throw new MachineError(told.join('\n'))
}
