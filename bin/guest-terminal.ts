/** The terminal as a guest's serial console: what is typed goes there, every key; Ctrl-] ends it. */
import type { RunningGuest } from '../src/guest-run/launcher.ts'
import { progress } from './terminal.ts'

export interface AttachedTerminal extends Disposable {
  connect(guest: RunningGuest): void
}

const escape = '\u001d'

export function attachTerminal(): AttachedTerminal {
  const { stdin } = process
  let guest: RunningGuest | undefined
  const typed = (data: Buffer): void => {
    const text = data.toString('utf8')
    // a guest that has just ended takes nothing more, and its run ends by itself
    const done = text.includes(escape) ? guest?.stop(0) : guest?.send(text)
    done?.catch(() => undefined)
  }
  return {
    connect(running) {
      guest = running
      if (stdin.isTTY) stdin.setRawMode(true)
      stdin.on('data', typed)
      progress('this terminal is the console of the guest; Ctrl-] ends the guest')
    },
    [Symbol.dispose]() {
      stdin.off('data', typed)
      if (stdin.isTTY) stdin.setRawMode(false)
      stdin.pause()
    },
  }
}
