/** What a VM's screen shows: as a PNG, and as text that the `tesseract` program recognises on the controller. */
import { writeFile } from 'node:fs/promises'
import { MachineError } from '../core/errors.ts'
import { tryLocally } from '../core/local-command.ts'
import { shell } from '../core/shell-quote.ts'
import { waitFor } from '../core/wait.ts'
import { virshCommand } from '../transport/libvirt/virsh.ts'
import { type Guest, whyNot } from './on-domain.ts'
import { requireDomain } from './own-domain.ts'
import { encodePng, enlarged, isPng, parsePpm } from './png.ts'
import { type TextPattern, matchIn, shown } from './text-pattern.ts'

export interface ScreenWaitOptions {
  /** Default 60 s. */
  readonly timeoutMs?: number
}

/** virsh writes a file on the hypervisor; it is gone when the command ends, also when it is killed by SIGTERM. */
const script = `file=$(mktemp) || exit
trap 'rm -f -- "$file"' EXIT
trap 'exit 143' TERM
"$@" --file "$file" >&2 && base64 < "$file"`

/** The screen as QEMU gives it: PPM, or PNG. @throws MachineError when there is no screen, or no domain, or it is off */
async function grab(guest: Guest): Promise<Buffer> {
  const { name, hypervisor, signal } = guest
  await requireDomain(guest, 'it has no screen')
  const command = shell(script, ...virshCommand(['screenshot', '--domain', name]))
  const result = await hypervisor.ssh.tryRun(command, { timeoutMs: 30_000, signal })
  signal?.throwIfAborted()
  if (result.exitCode === 0) return Buffer.from(result.stdout, 'base64')
  if (/no screens/.test(result.stderr))
    throw new MachineError(
      `${name} has no screen: its domain on ${hypervisor.name} has no video device; set "video": true in "libvirt" of the ` +
        'config and provision it again, or give the domain template a <video>',
    )
  throw new MachineError(await whyNot(guest, 'virsh screenshot', result.stderr, result.timedOut))
}

/** The screen as a PNG; written to `file` too, where one is given. @throws MachineError */
export async function screenshot(guest: Guest, file?: string): Promise<Buffer> {
  const bytes = await grab(guest)
  const png = isPng(bytes) ? bytes : encodePng(parsePpm(bytes))
  if (file !== undefined) await writeFile(file, png)
  return png
}

/** A VGA letter is 8 or 9 pixels wide; tesseract wants three times that. */
const enlargement = 3

/**
 * The screen's text, as tesseract reads it: once as it is, once with dark and light exchanged, since a console is light on
 * dark. Nothing is certain about it: look for words, not for lines.
 * @throws MachineError where there is no tesseract on the controller
 */
export async function screenText(guest: Guest): Promise<string> {
  const bytes = await grab(guest)
  if (isPng(bytes)) return recognise(guest, bytes)
  const picture = parsePpm(bytes)
  const texts = [true, false].map((inverted) =>
    recognise(guest, encodePng(enlarged(picture, enlargement, inverted))),
  )
  return (await Promise.all(texts)).join('\n')
}

async function recognise({ name, signal }: Guest, png: Buffer): Promise<string> {
  const command = ['tesseract', '-', '-', '--psm', '6']
  const result = await tryLocally(command, { input: png, timeoutMs: 60_000, signal }).catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new MachineError(
        `the text on ${name}'s screen cannot be read: the program tesseract is not installed on this machine ` +
          "(Debian's package tesseract-ocr); screenshot() works without it",
        { cause: error },
      )
    },
  )
  if (result.exitCode === 0) return result.stdout
  throw new MachineError(`tesseract could not read ${name}'s screen: ${result.stderr.trim()}`)
}

/**
 * Waits until the screen shows a text; returns all that was read then.
 * @throws WaitError at the deadline (60 s), with the text that it showed last; MachineError at once when it has no screen
 */
export async function waitForScreenText(
  guest: Guest,
  pattern: TextPattern,
  { timeoutMs = 60_000 }: ScreenWaitOptions = {},
): Promise<string> {
  await screenText(guest) // what can never be is said at once
  return waitFor<string>(
    async () => {
      const text = await screenText(guest)
      if (matchIn(text, pattern)) return { state: 'ready', value: text }
      return { state: 'pending', seen: text.trim() === '' ? 'a screen without text' : `\n${text.trim()}` }
    },
    {
      what: `the screen of ${guest.name} to show ${shown(pattern)}`,
      timeoutMs,
      intervalMs: 250,
      signal: guest.signal,
    },
  )
}
