/** What QEMU's monitor protocol says about the end of a VM, and what follows from it. Pure. */
import { parseJson } from '../../core/json.ts'
import type { GuestEnd } from '../launcher.ts'

/** An event of the monitor protocol (QEMU's qapi/run-state.json). */
export interface MonitorEvent {
  readonly event: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last lines of its standard error. */
  readonly said: string
}

/** How the VM ended, from all that was seen. `stopped`: `stop` had been called before. */
export function guestEnd(events: readonly MonitorEvent[], process: ProcessEnd, stopped: boolean): GuestEnd {
  const shutdown = events.findLast(({ event }) => event === 'SHUTDOWN')
  const reason = shutdown?.data?.['reason']
  if (reason === 'guest-shutdown') return { how: 'powered-off' }
  if (reason === 'guest-reset' || reason === 'guest-panic') return { how: 'reset' }
  if (stopped) return { how: 'stopped' }
  return { how: 'died', detail: deathOf(process) }
}

/** How a VM ended whose only word is the end of its process: status 0 is its own wish. */
export function endOfProcess(process: ProcessEnd, stopped: boolean): GuestEnd {
  if (stopped) return { how: 'stopped' }
  return process.code === 0 ? { how: 'powered-off' } : { how: 'died', detail: deathOf(process) }
}

function deathOf({ code, signal, said }: ProcessEnd): string {
  const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`
  return said.trim() === '' ? how : `${how}: ${said.trim()}`
}

/** A line that is none is passed over: this is read where nobody could be told, and the end of the VM is known all the same. */
function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = parseJson(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The events of a stream of JSON lines, which come in pieces; what is no event (greeting, answers) goes to `other`. */
export function monitorReader(
  onEvent: (event: MonitorEvent) => void,
  other: (message: Readonly<Record<string, unknown>>) => void = () => undefined,
): (piece: string) => void {
  let rest = ''
  return (piece) => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.trim() === '') continue
      const message = objectOf(line)
      if (typeof message?.['event'] === 'string') onEvent(message as unknown as MonitorEvent)
      else if (message) other(message)
    }
  }
}
