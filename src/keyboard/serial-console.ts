/** `dpbench console`: a VM's serial console. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  type ConsoleGuest,
  connected,
  consoleCommand,
  consoleRefusal,
  ptyPollMs,
  tailOf,
} from '../machine/console.ts'
import { requireDomain } from '../machine/own-domain.ts'
import { type Streams, attach, isTerminal, ownTerminal } from './attach.ts'

/**
 * Until Ctrl-] is pressed. Without a terminal standard input is typed, and what the console says is printed until the input
 * ends and QEMU has had the time to take it.
 * @throws MachineError when there is no domain, it is off, or its console is open elsewhere
 */
export async function serialConsole(
  guest: ConsoleGuest,
  options: Streams & { readonly signal: AbortSignal },
): Promise<number> {
  await requireDomain(guest, 'it has no serial console')
  const person = isTerminal(options)
  if (person) options.stderr.write(`The console of ${guest.name}. Ctrl-] leaves it.\n`)
  const talk = await guest.hypervisor.ssh.converse(
    consoleCommand(guest.name, person ? ownTerminal(options) : undefined),
  )
  let ended = false
  try {
    const opening = await connected(guest, talk)
    const said = tailOf(talk)
    const atInputEnd = (): void => {
      ended = true
      void delay(person ? 0 : ptyPollMs + 200).then(() => talk.close())
    }
    const status = await attach(talk, { ...options, raw: person, atInputEnd }).catch((error: unknown) => {
      if (ended) return 0 // hanging up is how it is left
      throw error
    })
    if (status !== 0 && !ended) throw await consoleRefusal(guest, opening + said())
    return 0
  } finally {
    await talk.close()
  }
}
