/**
 * A VM's serial console: what it has said is read from the file that libvirt writes it into, which reading does not
 * disturb; what is typed goes through `virsh console`, in a terminal of the hypervisor's SSH connection.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { MachineError } from '../core/errors.ts'
import { waitFor } from '../core/wait.ts'
import type { RemoteHost } from '../transport/host.ts'
import { virshCommand } from '../transport/libvirt/virsh.ts'
import type { Conversation, Conversing } from '../transport/ssh/conversation.ts'
import { type ConsoleMark, markConsole, newConsoleText } from './console-log.ts'
import { type Guest, whyNot } from './on-domain.ts'
import { requireDomain } from './own-domain.ts'
import { type TextPattern, matchIn, shown } from './text-pattern.ts'

export interface ConsoleWaitOptions {
  /** Default 60 s. */
  readonly timeoutMs?: number
}

/** A VM whose hypervisor can be talked with. */
export interface ConsoleGuest extends Guest {
  readonly hypervisor: {
    readonly name: string
    readonly ssh: RemoteHost & { converse(asked: Conversing): Promise<Conversation> }
  }
}

/** What is looked at between two looks at the console. @throws MachineError when the wait has no sense any more */
type Refuse = () => Promise<void>

/** Ends what `virsh console` reads from the terminal. Sent text may not have it. */
export const escapeCharacter = '\u001d'
/** QEMU looks once a second whether somebody has opened a pty that nobody had (chardev/char-pty.c), and reads it then. */
export const ptyPollMs = 1000

export class GuestConsole {
  private readonly guest: ConsoleGuest
  /** How far waits have read. */
  private position: Promise<ConsoleMark> | undefined
  private none = false

  constructor(guest: ConsoleGuest) {
    this.guest = guest
  }

  /** From here on waits look; a test begins so. Nothing where there is no console to read. */
  async begin(): Promise<void> {
    const { name, hypervisor } = this.guest
    if (this.none) return
    const mark = await markConsole(hypervisor.ssh, name)
    this.none = mark === undefined
    this.position = mark && Promise.resolve(mark)
  }

  /** All that the file has, up to its last 4 MiB: of earlier boots too. @throws MachineError where there is none */
  async text(): Promise<string> {
    const { file } = await this.mark()
    return (await newConsoleText(this.guest.hypervisor.ssh, { file, bytes: 0 })).text
  }

  /**
   * Waits until the console has said it, since `begin` (without one: ever) or the last such wait ended; returns the match and its groups.
   * @throws WaitError at the deadline, with the console's end; what `refuse` throws; MachineError where there is no console
   */
  async waitForText(
    pattern: TextPattern,
    { timeoutMs = 60_000 }: ConsoleWaitOptions,
    refuse: Refuse,
  ): Promise<readonly string[]> {
    const { name, hypervisor, signal } = this.guest
    let mark = await (this.position ??= this.mark().then(({ file }) => ({ file, bytes: 0 })))
    let text = ''
    let refusal: unknown
    const waiting = waitFor<readonly string[]>(
      async () => {
        const news = await newConsoleText(hypervisor.ssh, mark, signal)
        text += news.text
        mark = news.mark
        const found = matchIn(text, pattern)
        if (found) {
          // what comes after the match is for the next wait
          const unread = Buffer.byteLength(text.slice(found.index + found.length))
          this.position = Promise.resolve({ file: mark.file, bytes: Math.max(0, mark.bytes - unread) })
          return { state: 'ready', value: found.groups }
        }
        try {
          await refuse()
        } catch (error) {
          refusal = error
          return { state: 'failed', reason: 'trouble' }
        }
        return { state: 'pending', seen: text === '' ? 'nothing new' : `\n${text.slice(-1500)}` }
      },
      {
        what: `the console of ${name} to say ${shown(pattern)}`,
        timeoutMs,
        intervalMs: 100,
        maxIntervalMs: 500,
        signal,
      },
    )
    return waiting.catch((error: unknown) => {
      throw refusal ?? error
    })
  }

  /**
   * Types on the console; resolves when QEMU has had the time to take it.
   * @throws MachineError when somebody has it open, when the VM is off or has no domain, or for a text with Ctrl-]
   */
  async send(text: string): Promise<void> {
    const { name, hypervisor } = this.guest
    await requireDomain(this.guest, 'it has no serial console')
    if (text.includes(escapeCharacter))
      throw new MachineError(`${name}: Ctrl-] (\\u001d) cannot be sent to the console: it ends virsh console`)
    const talk = await hypervisor.ssh.converse(consoleCommand(name))
    try {
      const opening = await connected(this.guest, talk)
      const said = tailOf(talk) // it is read too: the guest is not to wait for a reader
      talk.stream.resume()
      talk.stream.write(text)
      const held = delay(ptyPollMs + 200, undefined, {
        ...(this.guest.signal && { signal: this.guest.signal }),
      })
      const ended = await Promise.race([held, talk.ended])
      if (ended) throw await consoleRefusal(this.guest, opening + said())
    } finally {
      await talk.close()
    }
  }

  private async mark(): Promise<ConsoleMark> {
    const { name, hypervisor } = this.guest
    const mark = await markConsole(hypervisor.ssh, name)
    if (mark) return mark
    const domain = await requireDomain(this.guest, 'it has no serial console')
    throw new MachineError(
      `the console of ${domain.name} is in no file on ${hypervisor.name}: its domain has no <log file=…> in <serial>; ` +
        "dpbench's own template has one, so provision it anew",
    )
  }
}

/** `virsh console` wants a terminal. Ours is wide, so that nothing is wrapped. */
export function consoleCommand(
  name: string,
  terminal: Conversing['terminal'] = { columns: 200, rows: 50 },
): Conversing {
  const argv = virshCommand(['--escape', '^]', 'console', '--domain', name])
  return { argv: argv.filter((word) => word !== '--quiet'), terminal }
}

/**
 * Resolves with what virsh says when it has the console (tools/virsh-domain.c); what comes after it is still to be read.
 * @throws MachineError with what it said instead
 */
export async function connected(guest: Guest, talk: Conversation): Promise<string> {
  let said = ''
  const opened = new Promise<true>((resolve) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString('utf8')
      if (!/Escape character is[^\n]*\n/.test(said)) return
      talk.stream.off('data', listen).pause()
      resolve(true)
    }
    talk.stream.on('data', listen)
  })
  const first = await Promise.race([
    opened,
    talk.ended.then(() => false),
    delay(30_000, false, { ref: false, ...(guest.signal && { signal: guest.signal }) }),
  ])
  if (first) return said
  throw await consoleRefusal(guest, said)
}

/** The end of what it says from now on. */
export function tailOf({ stream }: Conversation): () => string {
  let said = ''
  stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-2000)))
  return () => said
}

/** Why `virsh console` has ended by itself; it says so after it has said how to leave. */
export async function consoleRefusal(guest: Guest, said: string): Promise<MachineError> {
  if (/Active console session exists/.test(said))
    return new MachineError(
      `the console of ${guest.name} is open elsewhere (virsh allows one at a time): close it there, and try again`,
    )
  const errors = said
    .replaceAll('\r', '')
    .split('\n')
    .filter((line) => line.startsWith('error: '))
  return new MachineError(await whyNot(guest, 'virsh console', errors.join('\n') || said))
}
