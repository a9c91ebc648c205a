/** On a stand-in for a terminal that is read as one: what is on it after all that was written. */
import { EventEmitter } from 'node:events'
import { setImmediate as painted } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { LiveScreen, type Terminal, wantsLive } from '../../src/vitest/live/screen.ts'
import { LiveState } from '../../src/vitest/live/state.ts'
import { profile } from '../verdict/fixtures.ts'

/** Lines, and a cursor that the sequences of log-update move. */
class FakeTerminal extends EventEmitter {
  isTTY = true
  columns = 60
  rows = 24
  raw = ''
  private readonly lines: string[] = ['']
  private row = 0
  private column = 0

  readonly write = (chunk: string | Uint8Array): boolean => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
    this.raw += text
    // oxlint-disable-next-line no-control-regex -- a terminal's control sequences
    for (const [part, csi, final] of text.matchAll(/\u001B\[(\??[\d;]*)([A-Za-z])|[\s\S]/g)) {
      if (final === undefined) this.put(part)
      else this.control(final, Number(csi) || 0)
    }
    return true
  }

  get screen(): string {
    return this.lines.join('\n').trimEnd()
  }

  private put(character: string): void {
    if (character === '\n') {
      this.row++
      this.column = 0
      this.lines[this.row] ??= ''
      return
    }
    const line = (this.lines[this.row] ?? '').padEnd(this.column)
    this.lines[this.row] = line.slice(0, this.column) + character + line.slice(this.column + 1)
    this.column++
  }

  private control(final: string, count: number): void {
    if (final === 'A') this.row = Math.max(0, this.row - (count || 1))
    if (final === 'B') this.row += count || 1
    if (final === 'G') this.column = Math.max(0, count - 1)
    if (final === 'K' && count === 2) this.lines[this.row] = ''
    if (final === 'K' && count === 0)
      this.lines[this.row] = (this.lines[this.row] ?? '').slice(0, this.column)
  }
}

let screen: LiveScreen | undefined
afterEach(() => screen?.close())

function open(): { terminal: FakeTerminal; errors: FakeTerminal; screen: LiveScreen } {
  const terminal = new FakeTerminal()
  const errors = new FakeTerminal()
  // the same terminal, by another stream
  Object.defineProperty(errors, 'write', { value: terminal.write, writable: true })
  const state = new LiveState(profile, new Map(), performance.now())
  screen = new LiveScreen(state, {
    terminal: terminal as unknown as Terminal,
    others: [errors as unknown as Terminal],
    color: false,
  })
  return { terminal, errors, screen }
}

test('what is written goes above the lines, which stay at the bottom and are there once', async () => {
  const { terminal, errors, screen } = open()
  await painted()
  screen.state.testBegins('IPv4', 'offload', performance.now())
  terminal.write('▶ offload  IPv4\n')
  errors.write('a warning\n')
  await painted()
  terminal.write('  PASS: 9.41 Gbit/s\n')
  await painted()
  screen.soon()
  await painted()
  expect(terminal.screen.split('\n').map((line) => line.slice(0, 20))).toEqual([
    '▶ offload  IPv4',
    'a warning',
    '  PASS: 9.41 Gbit/s',
    '─'.repeat(20),
    'now   offload › IPv4',
    'done  nothing yet',
    'left  0 of 0 tests d',
  ])
})

test('a line that is not at its end is not broken by painting', async () => {
  const { terminal } = open()
  await painted()
  terminal.write('half')
  await painted()
  expect(terminal.screen).toBe('half')
  terminal.write(' a line\n')
  await painted()
  expect(terminal.screen).toMatch(/^half a line\n─+\nnow/)
})

test('a terminal that becomes narrower is painted anew, no line wider than it', async () => {
  const { terminal } = open()
  await painted()
  terminal.columns = 20
  terminal.emit('resize')
  await painted()
  const lines = terminal.screen.split('\n')
  expect(lines).toHaveLength(4)
  for (const line of lines) expect(line.length).toBeLessThan(20)
})

test('when it closes its lines are gone, the cursor is shown, and the streams are as they were', async () => {
  const terminal = new FakeTerminal()
  const { write } = terminal
  const state = new LiveState(profile, new Map(), 0)
  const opened = new LiveScreen(state, {
    terminal: terminal as unknown as Terminal,
    others: [],
    color: false,
  })
  terminal.write('before\n')
  await painted()
  expect(terminal.write).not.toBe(write)
  opened.close()
  opened.close()
  expect(terminal.write).toBe(write)
  expect(terminal.listenerCount('resize')).toBe(0)
  terminal.write('after\n')
  await painted()
  expect(terminal.screen).toBe('before\nafter')
  expect(terminal.raw).toContain('\u001B[?25h')
  expect(terminal.raw).not.toContain('\u001B[?25l')
})

test.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { NO_COLOR: '1' }, true],
  [{ isTTY: true }, { CI: 'false' }, true],
  [{ isTTY: true }, { CI: 'true' }, false],
  [{ isTTY: true }, { TERM: 'dumb' }, false],
  [{ isTTY: false }, {}, false],
  [{}, { FORCE_COLOR: '1' }, false],
])('on %j with %j: %j', (stream, environment, wanted) => expect(wantsLive(stream, environment)).toBe(wanted))
