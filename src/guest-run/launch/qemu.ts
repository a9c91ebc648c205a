/** Guests of a run as QEMU processes of this machine. */
import type { ChildProcess } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { GuestRunError } from '../../core/errors.ts'
import type { GuestEnd, GuestPlan, LaunchOptions, Launcher, RunningGuest } from '../launcher.ts'
import { type MonitorEvent, guestEnd, monitorReader } from './monitor-events.ts'
import { makeModulesDisk } from './modules-disk.ts'
import { endProcess, guestVariable, removeMade, spawned } from './processes.ts'
import { type QemuSettings, emulator, madeDisks, monitorDescriptor, qemuArguments } from './qemu-arguments.ts'
import { TextQueue } from './text-queue.ts'

/** The launcher that starts QEMU here. */
export function qemuLauncher(settings: QemuSettings): Launcher {
  return {
    name: 'qemu',
    async start(plan, options) {
      options.signal.throwIfAborted()
      await makeDisks(plan, options)
      options.signal.throwIfAborted()
      return await QemuGuest.start(plan, settings, options)
    },
    async describe(plan, place) {
      return [qemuArguments(plan, settings, place)]
    },
  }
}

async function makeDisks(plan: GuestPlan, { folder, signal }: LaunchOptions): Promise<void> {
  for (const { path, bytes } of madeDisks(plan, folder)) {
    if (bytes !== undefined) {
      await using file = await open(path, 'wx')
      await file.truncate(bytes)
    } else {
      await makeModulesDisk(path, plan.kernel!.modules!, signal)
    }
  }
}

class QemuGuest implements RunningGuest {
  readonly console: AsyncIterable<string>
  readonly ended: Promise<GuestEnd>
  readonly #child: ChildProcess
  readonly #made: readonly string[]
  #stopped = false
  #over = false

  static async start(plan: GuestPlan, settings: QemuSettings, options: LaunchOptions): Promise<QemuGuest> {
    const temporary = join(options.folder, 'tmp')
    await mkdir(temporary, { recursive: true })
    const argv = qemuArguments(plan, settings, options)
    const child = await spawned(argv, {
      env: { ...process.env, TMPDIR: temporary, [guestVariable]: plan.name },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    })
    const made = [temporary, ...madeDisks(plan, options.folder).map(({ path }) => path)]
    const guest = new QemuGuest(child, [...made, join(options.folder, 'gdb')])
    options.signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true })
    await guest.#monitored
    if (settings.gdb) settings.log?.(`for gdb: target remote ${join(options.folder, 'gdb')}`)
    return guest
  }

  /** Resolves when QEMU answers on its monitor, rejects when it ends before that. */
  readonly #monitored: Promise<void>

  private constructor(child: ChildProcess, made: readonly string[]) {
    this.#child = child
    this.#made = made
    const text = new TextQueue()
    this.console = text
    child.stdout!.on('data', (piece: Buffer) => text.push(piece))
    let said = ''
    child.stderr!.on('data', (piece: Buffer) => (said = (said + piece.toString('utf8')).slice(-4000)))
    child.stdin!.on('error', () => undefined) // the guest may end before what was typed is read
    const events: MonitorEvent[] = []
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#over = true
        text.end()
        resolve(guestEnd(events, { code, signal, said }, this.#stopped))
      })
    })
    const monitor = child.stdio[monitorDescriptor] as Duplex
    this.#monitored = greeted(monitor, events, this.ended)
  }

  async send(text: string): Promise<void> {
    if (this.#over) throw new GuestRunError('the guest has ended: nothing can be typed into its console')
    await new Promise<void>((resolve, reject) => {
      this.#child.stdin!.write(text, (cause) =>
        cause ? reject(new GuestRunError('the guest no longer reads its console', { cause })) : resolve(),
      )
    })
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

/** Asks for the monitor's events; until it has been asked, QEMU sends none. */
async function greeted(monitor: Duplex, events: MonitorEvent[], ended: Promise<GuestEnd>): Promise<void> {
  monitor.on('error', () => undefined) // it goes with the process, whose end is waited for
  const answered = new Promise<'answered'>((resolve) => {
    const read = monitorReader(
      (event) => events.push(event),
      (message) => 'return' in message && resolve('answered'),
    )
    monitor.on('data', (piece: Buffer) => read(piece.toString('utf8')))
  })
  monitor.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n`)
  const first = await Promise.race([answered, ended])
  if (first === 'answered') return
  throw new GuestRunError(`${emulator} ended before its guest began: it ${detailOf(first)}`)
}

function detailOf(end: GuestEnd): string {
  return end.how === 'died' ? end.detail : `said the guest was ${end.how}`
}
