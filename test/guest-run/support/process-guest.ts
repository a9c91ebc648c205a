/**
 * A launcher whose guest is a process of this machine: it runs the guest's service script, with its own `poweroff`, as its
 * only difference from a guest. For what a run does around its VM; what a VM does is tested with QEMU.
 */
import { spawn } from 'node:child_process'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GuestEnd, GuestPlan, Launcher, RunningGuest } from '../../../src/guest-run/launcher.ts'
import { TextQueue } from '../../../src/guest-run/launch/text-queue.ts'

const service = join(import.meta.dirname, '../../../src/guest-run/guest/service.sh')

export interface ProcessLauncher extends Launcher {
  readonly plans: GuestPlan[]
  /** What was typed into the consoles. */
  readonly typed: string[]
}

export interface ProcessGuestOptions {
  readonly ignoresTerm?: boolean
  /** Programs that the guest does not have. */
  readonly without?: readonly string[]
}

export function processLauncher(options: ProcessGuestOptions = {}): ProcessLauncher {
  const plans: GuestPlan[] = []
  const typed: string[] = []
  return {
    name: 'qemu',
    plans,
    typed,
    describe: () => Promise.resolve([['process-guest']]),
    async start(plan, { folder, port, signal }) {
      plans.push(plan)
      const programs = join(folder, 'bin')
      await mkdir(programs)
      // the guest is the whole group of the service: what a script leaves running ends with it
      await writeFile(join(programs, 'poweroff'), '#!/bin/sh\nkill -USR1 "$DPBENCH_GUEST_PID"\n', {
        mode: 0o755,
      })
      await writeFile(join(programs, 'reboot'), '#!/bin/sh\nkill -USR2 "$DPBENCH_GUEST_PID"\nsleep 60\n', {
        mode: 0o755,
      })
      const path = options.without
        ? await programsBut(options.without, join(folder, 'path'))
        : process.env['PATH']
      const trap = options.ignoresTerm ? 'trap "" TERM; ' : ''
      const child = spawn('sh', ['-c', `${trap}DPBENCH_GUEST_PID=$$ exec sh ${service}`], {
        cwd: folder,
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
        env: {
          PATH: `${programs}:${path}`,
          HOME: folder,
          DPBENCH_CMDLINE: `dpbench.server=127.0.0.1:${port} ${plan.kernelArgs.join(' ')}`,
          DPBENCH_SCRIPT: join(folder, 'run.sh'),
          DPBENCH_WORK: join(folder, 'dpbench'),
        },
      })
      const text = new TextQueue()
      child.stdout.on('data', (piece: Buffer) => text.push(piece))
      child.stderr.on('data', (piece: Buffer) => text.push(piece))
      child.stdin.on('error', () => undefined) // nobody reads it
      const killGroup = (with_: NodeJS.Signals): void => {
        try {
          process.kill(-child.pid!, with_)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
        }
      }
      let stopped = false
      const ended = new Promise<GuestEnd>((resolve) => {
        child.once('exit', (code, how) => {
          killGroup('SIGKILL')
          child.once('close', () => {
            text.end()
            if (how === 'SIGUSR1' || code === 0) resolve({ how: 'powered-off' })
            else if (how === 'SIGUSR2') resolve({ how: 'reset' })
            else if (stopped) resolve({ how: 'stopped' })
            else resolve({ how: 'died', detail: `ended with ${how ?? code}` })
          })
        })
      })
      signal.addEventListener('abort', () => killGroup('SIGKILL'), { once: true })
      const guest: RunningGuest = {
        console: text,
        ended,
        send: (piece) => {
          typed.push(piece)
          text.push(Buffer.from(piece)) // a terminal echoes
          return Promise.resolve()
        },
        async stop(graceMs) {
          stopped = true
          killGroup('SIGTERM')
          const timer = setTimeout(() => killGroup('SIGKILL'), graceMs)
          await ended
          clearTimeout(timer)
        },
        async [Symbol.asyncDispose]() {
          killGroup('SIGKILL')
          await ended
        },
      }
      return guest
    },
  }
}

async function programsBut(without: readonly string[], folder: string): Promise<string> {
  await mkdir(folder)
  for (const name of await readdir('/usr/bin'))
    if (!without.includes(name)) await symlink(join('/usr/bin', name), join(folder, name))
  return folder
}
