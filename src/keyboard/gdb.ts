/** `dpbench gdb`: QEMU's gdb stub of a VM, opened by the monitor for as long as somebody debugs, and closed again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { MachineError } from '../core/errors.ts'
import { programEnvironment } from '../core/passphrase.ts'
import { tryLocally } from '../core/local-command.ts'
import { quoteArgv, shell } from '../core/shell-quote.ts'
import type { Guest } from '../machine/on-domain.ts'
import { forwardPort } from '../machine/forward.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import { monitorCommand } from '../machine/monitor.ts'
import { type Streams, isTerminal } from './attach.ts'

export interface GdbOptions extends Streams {
  /** A vmlinux with symbols, on this machine. */
  readonly symbols?: string | undefined
  /** Print the command line and wait, in the place of running gdb. */
  readonly print: boolean
  readonly signal: AbortSignal
}

/** Another one may take the port between asking for it and using it. */
const attempts = 5

/** Returns gdb's exit status, or 0 when the stub was to be left. @throws MachineError when there is no domain, or it is off */
export async function debug(guest: Guest & { hypervisor: Hypervisor }, options: GdbOptions): Promise<number> {
  const { stderr, signal } = options
  const before = (await monitorCommand(guest, { execute: 'query-status' })) as { running: boolean }
  const port = await openStub(guest)
  try {
    const { hypervisor } = guest
    await using forwarded = await forwardPort(
      { name: hypervisor.name, connection: async () => hypervisor.ssh },
      port,
    )
    const argv = gdbCommand(forwarded.port, options.symbols)
    const run = !options.print && isTerminal(options) && (await hasGdb())
    stderr.write(
      `QEMU's gdb stub of ${guest.name} is at 127.0.0.1:${forwarded.port} of this machine, until ${run ? 'gdb ends' : 'Ctrl-C'}; ` +
        `the VM stands still while a debugger is attached.\n`,
    )
    options.stdout.write(`${quoteArgv(argv)}\n`)
    return run ? await runGdb(argv, signal) : await untilAborted(signal)
  } finally {
    await closeStub(guest, before.running)
  }
}

export function gdbCommand(port: number, symbols?: string): string[] {
  return ['gdb', ...(symbols === undefined ? [] : [symbols]), '-ex', `target remote 127.0.0.1:${port}`]
}

/** On the hypervisor's loopback: QEMU, confined by AppArmor or SELinux, may listen there, and make no socket file. */
async function openStub(guest: Guest): Promise<number> {
  let failure: unknown
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = await freePort(guest)
    try {
      await monitorCommand(guest, `gdbserver tcp:127.0.0.1:${port}`)
    } catch (error) {
      failure = error
      continue
    }
    const listening = await guest.hypervisor.ssh.run(['ss', '-Hltn', 'sport', '=', `:${port}`])
    if (listening.stdout.includes(`127.0.0.1:${port}`)) return port
  }
  throw new MachineError(
    `QEMU of ${guest.name} on ${guest.hypervisor.name} opened no gdb stub on 127.0.0.1; ` +
      'try it again, or look at its log in /var/log/libvirt/qemu there',
    { cause: failure },
  )
}

/** A debugger that went away without a word leaves the VM standing still. */
async function closeStub(guest: Guest, wasRunning: boolean): Promise<void> {
  const unaborted: Guest = { name: guest.name, hypervisor: guest.hypervisor, address: guest.address }
  await monitorCommand(unaborted, 'gdbserver none')
  const now = (await monitorCommand(unaborted, { execute: 'query-status' })) as { running: boolean }
  if (wasRunning && !now.running) await monitorCommand(unaborted, { execute: 'cont' })
}

/** Below the ports that Linux gives to clients by itself (32768 on). */
async function freePort({ hypervisor }: Guest): Promise<number> {
  const script = `used=$(ss -Hltn | awk '{ sub(/.*:/, "", $4); print $4 }'); port=$1
while echo "$used" | grep -qx "$port"; do port=$((port + 1)); done
echo "$port"`
  const from = 20_000 + Math.floor(Math.random() * 10_000)
  return Number((await hypervisor.ssh.run(shell(script, String(from)))).stdout)
}

async function hasGdb(): Promise<boolean> {
  return tryLocally(['gdb', '--version']).then(
    ({ exitCode }) => exitCode === 0,
    () => false, // it cannot be started: there is none
  )
}

/** Ctrl-C is for gdb, which has the terminal too: it interrupts the guest. */
async function runGdb([program, ...args]: readonly string[], signal: AbortSignal): Promise<number> {
  const others = process.listeners('SIGINT')
  process.removeAllListeners('SIGINT').on('SIGINT', () => undefined)
  const child = spawn(program!, args, { env: programEnvironment(), stdio: 'inherit' })
  const end = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', end, { once: true })
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } finally {
    signal.removeEventListener('abort', end)
    process.removeAllListeners('SIGINT')
    for (const other of others) process.on('SIGINT', other)
  }
}

function untilAborted(signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(0)
    signal.addEventListener('abort', () => resolve(0), { once: true })
  })
}
