/** `dpbench gdb`: QEMU's gdb stub of a VM, opened by the monitor for as long as somebody debugs, and closed again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { programEnvironment } from '../core/passphrase.ts'
import { tryLocally } from '../core/local-command.ts'
import { quoteArgv } from '../core/shell-quote.ts'
import type { Guest } from '../machine/on-domain.ts'
import { forwardPort } from '../machine/forward.ts'
import { openGdbStub } from '../machine/gdb-stub.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { RecordChange } from '../machine/put-back.ts'
import { type Streams, isTerminal } from './attach.ts'

export interface GdbOptions extends Streams {
  /** A vmlinux with symbols, on this machine. */
  readonly symbols?: string | undefined
  /** Print the command line and wait, in the place of running gdb. */
  readonly print: boolean
  readonly recordChange: RecordChange
  readonly signal: AbortSignal
}

/** Returns gdb's exit status, or 0 when the stub was to be left. @throws MachineError when there is no domain, or it is off */
export async function debug(guest: Guest & { hypervisor: Hypervisor }, options: GdbOptions): Promise<number> {
  const { stderr, signal } = options
  // on the hypervisor's loopback: QEMU, confined by AppArmor or SELinux, may listen there, and make no socket file
  await using stub = await openGdbStub(guest, options.recordChange)
  const { hypervisor } = guest
  await using forwarded = await forwardPort(
    { name: hypervisor.name, connection: async () => hypervisor.ssh },
    stub.port,
  )
  const argv = gdbCommand(forwarded.port, options.symbols)
  const run = !options.print && isTerminal(options) && (await hasGdb())
  stderr.write(
    `QEMU's gdb stub of ${guest.name} is at 127.0.0.1:${forwarded.port} of this machine, until ${run ? 'gdb ends' : 'Ctrl-C'}; ` +
      `the VM stands still while a debugger is attached.\n`,
  )
  options.stdout.write(`${quoteArgv(argv)}\n`)
  return run ? await runGdb(argv, signal) : await untilAborted(signal)
}

export function gdbCommand(port: number, symbols?: string): string[] {
  return ['gdb', ...(symbols === undefined ? [] : [symbols]), '-ex', `target remote 127.0.0.1:${port}`]
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
