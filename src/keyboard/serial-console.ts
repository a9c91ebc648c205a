/** `dpbench console`: a VM's serial console. */
import type { Readable } from 'node:stream'
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

/** What a guest has to say to the last input may take so long, and then it is cut: a console may never be quiet. */
const mostAnswerMs = 10_000

/** Resolves when nothing has come for as long as QEMU may take to read what was typed. */
async function quiet(stream: Readable): Promise<void> {
  const started = performance.now()
  let last = started
  const heard = (): void => void (last = performance.now())
  stream.on('data', heard)
  try {
    while (performance.now() - started < mostAnswerMs) {
      const left = last + ptyPollMs + 200 - performance.now()
      if (left <= 0) return
      await delay(left)
    }
  } finally {
    stream.off('data', heard)
  }
}

/**
 * Until Ctrl-] is pressed. Without a terminal standard input is typed, and what the console says is printed until the input
 * ends and nothing has been answered for a while.
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
      void (person ? Promise.resolve() : quiet(talk.stream)).then(() => {
        ended = true // until then virsh ends by itself alone
        return talk.close()
      })
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
