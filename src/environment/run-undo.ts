/** Takes back what runs left in the journal: containers and their objects, changes in guests, images that were pulled. */
import { z } from 'zod'
import { DisposalStack } from '../core/disposal-stack.ts'
import { DpbenchError } from '../core/errors.ts'
import type { Journal, JournalEntry, JournalHost } from '../core/journal.ts'
import type { KeepLog } from '../core/kept-log.ts'
import type { Observe } from '../core/steps.ts'
import { quoteArgv, shell } from '../core/shell-quote.ts'
import { type ReplayResult, UndoRegistry, leftSentences } from '../core/undo.ts'
import { dataplaneUndo, keptImage } from '../dataplane/dpservice/undo.ts'
import { Hypervisor } from '../machine/hypervisor.ts'
import { gdbStubUndoKind, undoGdbStub } from '../machine/gdb-stub.ts'
import { linkUndoKind, undoLink } from '../machine/link.ts'
import { powerUndoKind, undoPower } from '../machine/power.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { journalHostSchema } from '../transport/ssh/address.ts'
import { hypervisorUndo } from './changes.ts'
import { removeWorkFolder } from '../machine/work-folder.ts'
import { LocalHost } from '../transport/local-host.ts'
import type { Instead } from '../transport/instead.ts'
import { endTestCommands, testCommandsKind } from './test-commands.ts'
import { UndoGuests } from './undo-guests.ts'
import { workFolderKind } from './work-folders.ts'

const guestUndo = z.object({
  guest: journalHostSchema,
  bootId: z.string(),
  commands: z.array(z.array(z.string())),
})

/** Of a hypervisor, of a guest behind it, or of the controller. */
const workFolderUndo = z.object({
  path: z.string(),
  label: z.string(),
  guest: journalHostSchema.optional(),
})

/** Whether a run leaves the thing for the next one; `provision --clean-up` takes it back. */
export function isKept({ undo }: JournalEntry): boolean {
  return undo.kind === keptImage
}

/** A guest that was rebooted since has forgotten what was done to it. */
async function undoInGuest(data: unknown, hypervisor: Hypervisor, guests: UndoGuests): Promise<void> {
  const { guest, bootId: boot, commands } = guestUndo.parse(data)
  const ssh = await guests.host(guest, hypervisor)
  await ssh.run(inSameBoot(boot, commands))
}

const commandsUndo = z.object({ bootId: z.string(), commands: z.array(z.array(z.string())) })

async function undoOnHypervisor(data: unknown, { ssh }: Hypervisor): Promise<void> {
  const { bootId: boot, commands } = commandsUndo.parse(data)
  await ssh.run(inSameBoot(boot, commands))
}

/** Does nothing on a machine that was rebooted since: it has forgotten the change. */
function inSameBoot(boot: string, commands: readonly (readonly string[])[]): string[] {
  const sameBoot = shell('[ "$(cat /proc/sys/kernel/random/boot_id)" = "$1" ]', boot)
  return shell(`${quoteArgv(sameBoot)} || exit 0\n${commands.map(quoteArgv).join(' && ')}`)
}

async function undoWorkFolder(
  data: unknown,
  hypervisor: Hypervisor | undefined,
  guests: UndoGuests,
): Promise<void> {
  const { guest, ...folder } = workFolderUndo.parse(data)
  if (!hypervisor) return removeWorkFolder(new LocalHost(), folder)
  await removeWorkFolder(guest ? await guests.host(guest, hypervisor) : hypervisor.ssh, folder)
}

export interface UndoRunOptions {
  /** Connected already, by name; others are connected to for the time of the replay. */
  readonly hypervisors?: ReadonlyMap<string, Hypervisor>
  readonly guests?: ReadonlyMap<string, VirtualMachine>
  readonly log: (line: string) => void
  /** Takes the logs of containers that are removed. */
  readonly keepLog?: KeepLog | undefined
  /** Of connections that are made for the replay. */
  readonly observe?: Observe | undefined
  /** Takes the place of connections that are made for the replay. */
  readonly instead?: Instead | undefined
}

/** Replays `entries` of runs. It goes on after a failing step; what is left comes back in the result. */
export async function undoRuns(
  journal: Journal,
  entries: readonly JournalEntry[],
  options: UndoRunOptions,
): Promise<ReplayResult> {
  await using opened = new DisposalStack()
  const guests = opened.use(new UndoGuests(options.guests))
  const registry = new UndoRegistry<Hypervisor | undefined>()
  /** Hypervisors whose data plane could not be removed: it may give their guests again what is taken back there now. */
  const serving = new Set<string>()
  registry.register('guest', async (data, context) => {
    const hypervisor = needed(context)
    await undoInGuest(data, hypervisor, guests)
    if (serving.has(hypervisor.name))
      throw new DpbenchError(
        `the data plane on ${hypervisor.name} is still there: to be put back once more after it`,
      )
  })
  registry.register(workFolderKind, (data, hypervisor) => undoWorkFolder(data, hypervisor, guests))
  registry.register(hypervisorUndo, (data, hypervisor) => undoOnHypervisor(data, needed(hypervisor)))
  registry.register(testCommandsKind, (data, hypervisor) => endTestCommands(data, needed(hypervisor), guests))
  registry.register(linkUndoKind, (data, hypervisor) => undoLink(needed(hypervisor), data))
  registry.register(gdbStubUndoKind, (data, hypervisor) => undoGdbStub(needed(hypervisor), data))
  registry.register(powerUndoKind, (data, hypervisor) => undoPower(needed(hypervisor), data))
  for (const [kind, undo] of Object.entries(dataplaneUndo)) {
    registry.register(kind, (data, context) => {
      const hypervisor = needed(context)
      const undone = undo(hypervisor.name, hypervisor.docker, data, options.keepLog)
      if (kind === 'container') undone.catch(() => serving.add(hypervisor.name)) // it is thrown below all the same
      return undone
    })
  }
  const contextFor = async (host: JournalHost | undefined): Promise<Hypervisor | undefined> => {
    if (!host) return undefined // the controller
    const known = options.hypervisors?.get(host.name)
    if (known?.ssh.connected) return known
    return opened.use(
      await Hypervisor.connect(host, {
        timeoutMs: 15_000,
        observe: options.observe,
        instead: options.instead,
      }),
    )
  }
  const result = await registry.replay(journal, entries, contextFor)
  for (const note of result.notes) options.log(note)
  for (const sentence of leftSentences(result.left)) options.log(`left: ${sentence}`)
  return result
}

function needed(hypervisor: Hypervisor | undefined): Hypervisor {
  if (!hypervisor) throw new TypeError('of its kind nothing is created on the controller')
  return hypervisor
}
