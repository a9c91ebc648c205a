/**
 * Guests of a run in gem5's full-system simulation. gem5, the script that describes the simulated machine, and a kernel for it
 * are the user's; the options are those of gem5's configs/example/fs.py (deprecated/example/fs.py in later versions), which
 * scripts derived from it have too. The guest has no network: its service gets run.sh by `m5 readfile` and sends by `m5 writefile`.
 */
import type { ChildProcess } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { GuestRunError } from '../../core/errors.ts'
import type { GuestEnd, GuestPlan, LaunchOptions, Launcher, RunningGuest } from '../launcher.ts'
import type { GuestFiles } from './guest-files.ts'
import { kernelCommandLine } from './kernel-arguments.ts'
import { endOfProcess } from './monitor-events.ts'
import { endProcess, guestVariable, removeMade, spawned } from './processes.ts'
import { madeDisks } from './qemu-arguments.ts'
import { TextQueue } from './text-queue.ts'

export interface Gem5Settings {
  /** `build/X86/gem5.opt` of a built gem5. */
  readonly program: string
  /** Python: the machine that is simulated. */
  readonly config: string
  readonly files: Pick<GuestFiles, 'disk' | 'label' | 'init'>
  readonly log: (line: string) => void
}

/** Where gem5 writes what the simulated serial line says, in its output folder. */
const terminalFile = 'system.pc.com_1.device'

const pollMs = 250

/** The launcher for a gem5 of the user's. */
export function gem5Launcher(settings: Gem5Settings): Launcher {
  return {
    name: 'gem5',
    async start(plan, options) {
      for (const { path, bytes } of madeDisks(plan, options.folder)) {
        await using file = await open(path, 'wx')
        await file.truncate(bytes ?? 0)
      }
      return await Gem5Guest.start(plan, settings, options)
    },
    async describe(plan, place) {
      return [gem5Arguments(plan, settings, place)]
    },
  }
}

/** `gem5.opt …`, argument by argument. @throws GuestRunError for a plan that gem5 cannot have */
export function gem5Arguments(
  plan: GuestPlan,
  settings: Gem5Settings,
  place: Pick<LaunchOptions, 'folder' | 'files'>,
): string[] {
  const { kernel } = plan
  if (!kernel) {
    throw new GuestRunError(
      'gem5 boots a vmlinux with drivers for its disks built in (CONFIG_ATA_PIIX): give one by --kernel or --kernel-source',
    )
  }
  if (kernel.initrd !== undefined || kernel.modules !== undefined)
    throw new GuestRunError(
      'gem5 takes a kernel without an initrd and without modules: build in what is needed',
    )
  const scratch = madeDisks(plan, place.folder).map(({ path }) => path)
  // the simulated IDE disks are sda, sdb, … to libata; the root is the first
  const line = kernelCommandLine(
    { ...plan, kernel: { image: kernel.image } },
    { ...settings.files, kernel: '', initrd: '' },
    undefined,
  )
  const commandLine = line.replace(/^root=\S+/, 'root=/dev/sda1')
  return [
    settings.program,
    `--outdir=${outputOf(place.folder)}`,
    settings.config,
    `--kernel=${kernel.image}`,
    ...[settings.files.disk, ...scratch].map((path) => `--disk-image=${path}`),
    `--num-cpus=${plan.cpus}`,
    `--mem-size=${plan.memoryMiB}MB`,
    `--script=${join(place.files, 'run.sh')}`,
    `--command-line=earlyprintk=ttyS0 lpj=7999923 ${commandLine}`,
  ]
}

function outputOf(folder: string): string {
  return join(folder, 'm5out')
}

class Gem5Guest implements RunningGuest {
  readonly console: AsyncIterable<string>
  readonly ended: Promise<GuestEnd>
  readonly #child: ChildProcess
  readonly #made: readonly string[]
  #stopped = false
  #over = false

  static async start(plan: GuestPlan, settings: Gem5Settings, options: LaunchOptions): Promise<Gem5Guest> {
    const argv = gem5Arguments(plan, settings, options)
    const child = await spawned(argv, {
      cwd: options.folder,
      env: { ...process.env, [guestVariable]: plan.name },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    options.signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true })
    const disks = madeDisks(plan, options.folder).map(({ path }) => path)
    return new Gem5Guest(child, outputOf(options.folder), disks, settings.log)
  }

  private constructor(
    child: ChildProcess,
    output: string,
    disks: readonly string[],
    log: (line: string) => void,
  ) {
    this.#child = child
    this.#made = [...disks, output]
    const text = new TextQueue()
    this.console = text
    let said = ''
    child.stderr!.on('data', (piece: Buffer) => (said = (said + piece.toString('utf8')).slice(-4000)))
    const closed = new Promise<GuestEnd>((resolve) => {
      child.once('close', (code, signal) => {
        this.#over = true
        resolve(endOfProcess({ code, signal, said }, this.#stopped))
      })
    })
    const read = follow(join(output, terminalFile), text, () => this.#over)
    this.ended = closed.then(async (end) => {
      await read.catch((error: Error) => log(`the simulated terminal cannot be read: ${error.message}`))
      text.end()
      return end
    })
  }

  async send(): Promise<void> {
    throw new GuestRunError(
      'nothing can be typed into a simulated guest here: connect to its terminal with m5term',
    )
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopped = true
    if (!this.#over) await endProcess(this.#child, this.ended, graceMs)
    await this.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0)
    await removeMade(this.#made)
  }
}

/** Reads a file that grows, from when it is there until `over`, and then to its end. */
async function follow(path: string, text: TextQueue, over: () => boolean): Promise<void> {
  let position = 0
  const piece = Buffer.alloc(65_536)
  while (true) {
    const last = over()
    await using file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined // gem5 has not made it yet
      throw error
    })
    for (let more = file !== undefined; more;) {
      const { bytesRead } = await file!.read(piece, 0, piece.length, position)
      position += bytesRead
      if (bytesRead > 0) text.push(Buffer.from(piece.subarray(0, bytesRead)))
      more = bytesRead > 0
    }
    if (last) return
    await delay(pollMs)
  }
}
