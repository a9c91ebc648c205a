/**
 * How far another machine's clock is from the controller's, by lines that it stamps: a stamp lies between the line's sending and
 * its return, so the quickest of them tells it best.
 */
import { PassThrough } from 'node:stream'
import { MeasurementError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'

export interface ClockOffset {
  /** Added to {@link controllerMs} it is the machine's time. */
  readonly aheadMs: number
  /** How far that may be off at most. */
  readonly doubtMs: number
}

/** Epoch milliseconds by the clock that offsets are measured with: steady, though somebody sets the wall clock. */
export function controllerMs(): number {
  return performance.timeOrigin + performance.now()
}

const tries = 20
const timeoutMs = 20_000

/** @throws MeasurementError when the machine tells no time; ConnectionError */
export async function clockOf(machine: TrafficEnd, signal: AbortSignal): Promise<ClockOffset> {
  const lines = new PassThrough()
  let best: ClockOffset = { aheadMs: 0, doubtMs: Number.POSITIVE_INFINITY }
  let sentMs = 0
  let tried = 0
  const send = (): void => {
    if (tried++ === tries) return void lines.end()
    sentMs = controllerMs()
    lines.write('\n')
  }
  send()
  await machine.ssh.run(shell('while read -r line; do date +%s%N; done'), {
    input: lines,
    timeoutMs,
    signal,
    as: { kind: 'command', name: 'the time, asked over and over' },
    onLine(line) {
      if (!/^\d{19}$/.test(line)) return
      const backMs = controllerMs()
      const doubtMs = (backMs - sentMs) / 2
      if (doubtMs < best.doubtMs) best = { aheadMs: Number(line) / 1e6 - (sentMs + backMs) / 2, doubtMs }
      send()
    },
  })
  if (Number.isFinite(best.doubtMs)) return best
  throw new MeasurementError(`${machine.name}: \`date +%s%N\` told no time`)
}
