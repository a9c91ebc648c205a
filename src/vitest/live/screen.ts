/**
 * The live screen: a few lines at the bottom of the terminal, painted anew once a second; whatever else is written goes above
 * them, as it would without. Nothing of the terminal is switched, and the cursor, which Vitest hides, is shown again, so that
 * no way to end, not even a kill, leaves the terminal in disorder.
 */
import { createLogUpdate } from 'log-update'
import { renderLive } from './render.ts'
import type { LiveState } from './state.ts'

/** What is needed of a terminal: process.stdout, or a stand-in. */
export type Terminal = Pick<NodeJS.WriteStream, 'write' | 'columns' | 'rows' | 'isTTY' | 'on' | 'off'>

type Write = NodeJS.WriteStream['write']

const everyMs = 1_000
const showCursor = '\u001B[?25h'

/** Whether to show it: on a terminal that can be painted on, and where nobody but a log reads it (CI) it is not. */
export function wantsLive(
  { isTTY }: { readonly isTTY?: boolean | undefined },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const ci = environment['CI']
  return isTTY === true && environment['TERM'] !== 'dumb' && (!ci || ci === 'false' || ci === '0')
}

export interface ScreenOptions {
  readonly terminal: Terminal
  /** Other streams that end up on the same terminal. */
  readonly others: readonly Terminal[]
  readonly color: boolean
}

export class LiveScreen {
  readonly state: LiveState
  private readonly options: ScreenOptions
  private readonly update: ReturnType<typeof createLogUpdate>
  private readonly restore: (() => void)[] = []
  private readonly timer: NodeJS.Timeout
  private painting: NodeJS.Immediate | undefined
  /** Somebody's line that is not at its end: painting would break it. */
  private midLine = false
  private open = true
  private paused = false

  constructor(state: LiveState, options: ScreenOptions) {
    this.state = state
    this.options = options
    const { terminal, others } = options
    const write = terminal.write.bind(terminal) as Write
    write(showCursor)
    const own = {
      write,
      isTTY: true,
      get columns() {
        return sizeOf(terminal).width
      },
      get rows() {
        return sizeOf(terminal).rows
      },
    }
    this.update = createLogUpdate(own as unknown as NodeJS.WritableStream, { showCursor: true })
    for (const stream of [terminal, ...others.filter(({ isTTY }) => isTTY)]) this.letThrough(stream)
    const onResize = (): void => this.soon()
    terminal.on('resize', onResize)
    this.restore.push(() => terminal.off('resize', onResize))
    this.timer = setInterval(() => this.paint(), everyMs)
    this.timer.unref()
    this.soon()
  }

  /** Something is to be seen at once. */
  soon(): void {
    if (this.open) this.painting ??= setImmediate(() => this.paint())
  }

  /** Takes the lines away until `goOn`: somebody is to read and type below. */
  pause(): void {
    this.paused = true
    if (this.open && !this.midLine) this.update.clear()
  }

  goOn(): void {
    this.paused = false
    this.soon()
  }

  /** Takes the lines away; what is written from now on is written as ever. Once. */
  close(): void {
    if (!this.open) return
    this.open = false
    clearInterval(this.timer)
    clearImmediate(this.painting)
    for (const undo of this.restore.toReversed()) undo()
    if (!this.midLine) this.update.clear()
  }

  private paint(): void {
    clearImmediate(this.painting)
    this.painting = undefined
    if (!this.open || this.midLine || this.paused) return
    const { terminal, color } = this.options
    this.update(renderLive(this.state, performance.now(), { ...sizeOf(terminal), color }).join('\n'))
  }

  /** Lets what others write pass above the lines. */
  private letThrough(stream: Terminal): void {
    const original = stream.write
    const pass = original.bind(stream) as (...given: unknown[]) => boolean
    stream.write = ((...given: unknown[]) => {
      const [chunk] = given
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('utf8')
      if (text === '') return pass(...given)
      if (!this.midLine) this.update.clear()
      this.midLine = !text.endsWith('\n')
      this.soon()
      return pass(...given)
    }) as Write
    this.restore.push(() => (stream.write = original))
  }
}

/** A terminal that nobody has told its size says 0. */
function sizeOf({ columns, rows }: Terminal): { readonly width: number; readonly rows: number } {
  return { width: columns || 80, rows: rows || 24 }
}
