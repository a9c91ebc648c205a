/** QEMU's gdb stub of a VM: opened by the monitor, in the journal before, and closed again, also when dpbench was killed meanwhile. */
import { z } from 'zod'
import { DpbenchError, MachineError } from '../core/errors.ts'
import type { Undo } from '../core/journal.ts'
import { isAlive, liveProcessSchema, thisProcess } from '../core/live-process.ts'
import { shell } from '../core/shell-quote.ts'
import { journalHost, journalHostSchema } from '../transport/ssh/address.ts'
import type { Hypervisor } from './hypervisor.ts'
import { monitorCommand } from './monitor.ts'
import type { Guest } from './on-domain.ts'
import { type DomainOwner, isRunning, ownDomain } from './own-domain.ts'
import type { RecordChange } from './put-back.ts'

/** Another one may take the port between asking for it and using it. */
const attempts = 5

export interface GdbStub extends AsyncDisposable {
  /** On the hypervisor's loopback. */
  readonly port: number
}

/** Closing it lets a VM that ran before run again. @throws MachineError when there is no domain, it is off, or QEMU opens none */
export async function openGdbStub(guest: Guest, recordChange: RecordChange): Promise<GdbStub> {
  const { running } = await status(guest)
  let failure: unknown
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = await freePort(guest)
    const undo = await stubUndo(guest, port, running)
    const record = await recordChange(`${guest.name}: its gdb stub`, undo)
    const close = async (): Promise<void> => {
      await closeStub(guest, running)
      await record.done()
    }
    try {
      await monitorCommand(guest, `gdbserver tcp:127.0.0.1:${port}`)
      if (await listens(guest, port)) return { port, [Symbol.asyncDispose]: close }
    } catch (error) {
      failure = error
    }
    await close()
  }
  throw new MachineError(
    `QEMU of ${guest.name} on ${guest.hypervisor.name} opened no gdb stub on 127.0.0.1; ` +
      'try it again, or look at its log in /var/log/libvirt/qemu there',
    { cause: failure },
  )
}

/** A debugger that went away without a word leaves the VM standing still. */
async function closeStub({ name, hypervisor, address }: DomainOwner, wasRunning: boolean): Promise<void> {
  const unaborted: Guest = { name, hypervisor, address }
  await monitorCommand(unaborted, 'gdbserver none')
  if (wasRunning && !(await status(unaborted)).running) await monitorCommand(unaborted, { execute: 'cont' })
}

async function status(guest: Guest): Promise<{ running: boolean }> {
  return (await monitorCommand(guest, { execute: 'query-status' })) as { running: boolean }
}

async function listens({ hypervisor }: DomainOwner, port: number): Promise<boolean> {
  const { stdout } = await hypervisor.ssh.run(['ss', '-Hltn', 'sport', '=', `:${port}`])
  return stdout.includes(`127.0.0.1:${port}`)
}

/** Below the ports that Linux gives to clients by itself (32768 on). */
async function freePort({ hypervisor }: Guest): Promise<number> {
  const script = `used=$(ss -Hltn | awk '{ sub(/.*:/, "", $4); print $4 }'); port=$1
while echo "$used" | grep -qx "$port"; do port=$((port + 1)); done
echo "$port"`
  const from = 20_000 + Math.floor(Math.random() * 10_000)
  return Number((await hypervisor.ssh.run(shell(script, String(from)))).stdout)
}

export const gdbStubUndoKind = 'gdb-stub'

const undoSchema = z.object({
  guest: journalHostSchema,
  port: z.number(),
  wasRunning: z.boolean(),
  owner: liveProcessSchema,
})

async function stubUndo({ address }: DomainOwner, port: number, wasRunning: boolean): Promise<Undo> {
  return {
    kind: gdbStubUndoKind,
    guest: { ...journalHost(address) },
    port,
    wasRunning,
    owner: { ...(await thisProcess()) },
  }
}

/**
 * Closes what a killed `dpbench gdb` has left open. The domain that runs since it was started anew has none.
 * @throws DpbenchError while that `dpbench gdb` lives
 */
export async function undoGdbStub(hypervisor: Hypervisor, data: unknown): Promise<string | void> {
  const { guest, port, wasRunning, owner } = undoSchema.parse(data)
  if (await isAlive(owner))
    throw new DpbenchError(
      `somebody debugs it: end \`dpbench gdb ${guest.name}\` (process ${owner.pid}) first`,
    )
  const vm: DomainOwner = { name: guest.name, hypervisor, address: guest }
  const domain = await ownDomain(vm).catch((error: unknown) => {
    if (error instanceof MachineError) return undefined
    throw error
  })
  if (!domain) return `the domain ${guest.name} is not ours any more, and stays as it is`
  if ((await isRunning(vm)) && (await listens(vm, port))) await closeStub(vm, wasRunning)
}
