/**
 * Keys pressed on a VM's keyboard, by libvirt. Names are those of QEMU's `sendkey`, and beside them the kernel's own
 * (`KEY_LEFTCTRL`); characters are those of a US keyboard: the guest's own layout decides what they become.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { UsageError } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'
import { type Guest, onDomain } from './on-domain.ts'
import { requireDomain } from './own-domain.ts'

/** QEMU's names that are not the kernel's in lower case (input-event-codes.h without KEY_). */
const names: Readonly<Record<string, string>> = {
  ctrl: 'LEFTCTRL',
  ctrl_r: 'RIGHTCTRL',
  alt: 'LEFTALT',
  alt_r: 'RIGHTALT',
  altgr: 'RIGHTALT',
  shift: 'LEFTSHIFT',
  shift_r: 'RIGHTSHIFT',
  meta_l: 'LEFTMETA',
  meta: 'LEFTMETA',
  meta_r: 'RIGHTMETA',
  ret: 'ENTER',
  return: 'ENTER',
  spc: 'SPACE',
  escape: 'ESC',
  del: 'DELETE',
  ins: 'INSERT',
  pgup: 'PAGEUP',
  pgdn: 'PAGEDOWN',
  caps_lock: 'CAPSLOCK',
  num_lock: 'NUMLOCK',
  scroll_lock: 'SCROLLLOCK',
  print: 'SYSRQ',
  bracket_left: 'LEFTBRACE',
  bracket_right: 'RIGHTBRACE',
  grave_accent: 'GRAVE',
  less: '102ND',
  menu: 'COMPOSE',
}

const plainNames = [
  ...'abcdefghijklmnopqrstuvwxyz0123456789',
  ...Array.from({ length: 24 }, (_, index) => `f${index + 1}`),
  ...(
    'enter space tab esc backspace delete insert home end pageup pagedown up down left right minus ' +
    'equal leftbrace rightbrace backslash semicolon apostrophe grave comma dot slash capslock numlock ' +
    'scrolllock sysrq pause kp0 kp1 kp2 kp3 kp4 kp5 kp6 kp7 kp8 kp9 kpenter kpplus kpminus kpasterisk ' +
    'kpslash kpdot compose leftctrl rightctrl leftalt rightalt leftshift rightshift leftmeta ' +
    'rightmeta 102nd power sleep mute volumedown volumeup'
  ).split(' '),
]

/** Of a US keyboard: each key's name, without and with shift. */
const characters: Readonly<Record<string, readonly string[]>> = Object.fromEntries([
  ...[...'abcdefghijklmnopqrstuvwxyz'].flatMap((letter) => [
    [letter, [letter.toUpperCase()]],
    [letter.toUpperCase(), ['LEFTSHIFT', letter.toUpperCase()]],
  ]),
  ...[...'1234567890'].map((digit) => [digit, [digit]]),
  ...[...'!@#$%^&*()'].map((sign, index) => [sign, ['LEFTSHIFT', '1234567890'[index]!]]),
  ...Object.entries({
    MINUS: '-_',
    EQUAL: '=+',
    LEFTBRACE: '[{',
    RIGHTBRACE: ']}',
    BACKSLASH: '\\|',
    SEMICOLON: ';:',
    APOSTROPHE: `'"`,
    GRAVE: '`~',
    COMMA: ',<',
    DOT: '.>',
    SLASH: '/?',
  }).flatMap(([key, [plain, shifted]]) => [
    [plain, [key]],
    [shifted, ['LEFTSHIFT', key]],
  ]),
  [' ', ['SPACE']],
  ['\n', ['ENTER']],
  ['\t', ['TAB']],
  ['\b', ['BACKSPACE']],
  ['\u001b', ['ESC']],
]) as Record<string, readonly string[]>

/**
 * The kernel's names of the keys that are pressed together: `ctrl-alt-delete`, `ctrl+c`, `ret`, `KEY_POWER`.
 * @throws UsageError for a name that there is not, with the nearest one
 */
export function chord(text: string): string[] {
  if (/^KEY_\w+$/.test(text)) return [text]
  if (text === '-' || text === '+') return pressed(text)
  const parts = text.split(/[-+]/)
  return parts.map((part) => {
    const name = part.toLowerCase()
    const key = names[name] ?? (plainNames.includes(name) ? name.toUpperCase() : undefined)
    if (key !== undefined) return `KEY_${key}`
    if (/^KEY_\w+$/.test(part)) return part
    if (parts.length === 1 && part.length === 1) return pressed(part).at(-1)!
    const near = suggest(name, [...plainNames, ...Object.keys(names)])
    throw new UsageError(
      `there is no key "${part}"${text === part ? '' : ` (in "${text}")`}` +
        (near === undefined ? ': docs/console.md has the names' : `: did you mean ${near}?`),
    )
  })
}

/** The keys for one character. @throws UsageError for one that a US keyboard has not */
export function pressed(character: string): string[] {
  const keys = characters[character]
  if (keys) return keys.map((key) => `KEY_${key}`)
  throw new UsageError(
    `a US keyboard has no key for ${JSON.stringify(character)}: send it over SSH or the serial console`,
  )
}

/** How long each key is held; QEMU pauses as long after it. */
const holdMs = 20
/** QEMU keeps up to 1024 events and drops what comes on top (ui/input.c): two and two pauses per key. */
const keysAtOnce = 64

/**
 * Presses chords one after the other; resolves when QEMU has pressed all.
 * @throws UsageError for a key that there is not, before any is pressed; MachineError without a domain, or when it is off
 */
export async function sendKeys(guest: Guest, chords: readonly string[]): Promise<void> {
  await press(guest, chords.map(chord))
}

/** Types a text. @throws UsageError for a character that a US keyboard has not, before any is typed; MachineError */
export async function sendChars(guest: Guest, text: string): Promise<void> {
  await press(guest, [...text.replaceAll('\r\n', '\n')].map(pressed))
}

async function press(guest: Guest, presses: readonly (readonly string[])[]): Promise<void> {
  await requireDomain(guest, 'it has no keyboard')
  for (let from = 0; from < presses.length; from += keysAtOnce) {
    const some = presses.slice(from, from + keysAtOnce)
    const lines = some.map((keys) => sendKeyLine(guest.name, keys))
    await onDomain(guest, [lines.join('; ')])
    // a pace, not a readiness: QEMU plays them in this time
    const playMs = some.reduce((sum, keys) => sum + keys.length * 2 * holdMs, 0)
    await delay(playMs, undefined, { ...(guest.signal && { signal: guest.signal }) })
  }
}

/** For virsh, which takes several commands in one argument and stops at the first that fails. */
function sendKeyLine(name: string, keys: readonly string[]): string {
  return `send-key --domain '${name}' --codeset linux --holdtime ${holdMs} ${keys.join(' ')}`
}
