/** The live screen as lines of text: pure, no line wider than asked. */
import { styleText } from 'node:util'
import stringWidth from 'string-width'
import type { TestState } from '../../report/outcome.ts'
import { plainText } from '../../report/plain-text.ts'
import { formatGbit } from '../../verdict/format.ts'
import { plannedTests, secondsLeft } from './estimate.ts'
import type { DoneTest, LiveState } from './state.ts'

export interface Frame {
  /** Columns; a line stays one short of them, so that no terminal breaks it. */
  readonly width: number
  readonly rows: number
  readonly color: boolean
}

/** A terminal that is made narrower breaks what is wider, and then nobody knows how many lines there are: few are wide. */
const widest = 100
const rule = '─'.repeat(20)
/** An older figure says nothing about now. */
const freshMs = 3_500
const mostDone = 6

const styles: Record<TestState, Parameters<typeof styleText>[0]> = {
  PASS: 'green',
  FAIL: 'red',
  UNSTABLE: 'yellow',
  INVALID: 'magenta',
  ERROR: 'red',
  SKIPPED: 'dim',
}

export function renderLive(state: LiveState, nowMs: number, { width, rows, color }: Frame): string[] {
  const room = Math.max(1, Math.min(width, widest) - 1)
  const now = nowLines(state, nowMs)
  const counts = countsLine(state.done)
  const head = [rule, ...now, line('done', counts), line('left', leftText(state, nowMs))]
  // with the last verdicts as far as they fit, and never more than the terminal has: the line below is the cursor's
  const free = Math.max(0, Math.min(mostDone, rows - 1 - head.length))
  const last = free === 0 ? [] : state.done.slice(-free)
  const lines = [
    ...head.slice(0, -1).map((text) => ({ text, state: undefined })),
    ...last.map((test) => ({ text: line('', doneText(test)), state: test.state })),
    { text: head.at(-1)!, state: undefined },
  ]
  return lines.slice(0, Math.max(1, rows - 1)).map((each, index) => {
    const text = fit(plainText(each.text).replaceAll(/\s*\n\s*/g, ' '), room)
    return color ? painted(text, each.state, index === 0) : text
  })
}

function nowLines(state: LiveState, nowMs: number): string[] {
  const { test, mode } = state
  const since = (fromMs: number): string => clock((nowMs - fromMs) / 1000)
  const phases = [...state.phases.values()].map(({ name, sinceMs }) => `${name}, ${since(sinceMs)}`)
  const what = test ? `${test.mode} › ${test.name}, ${since(test.sinceMs)}` : (mode ?? 'beginning')
  const where = state.machines.map((machine) => {
    const place = state.places.get(machine)
    return place === undefined ? machine : `${machine} on ${place}`
  })
  const rates = [...state.rates].flatMap(([machine, { bitsPerSecond, atMs }]) =>
    nowMs - atMs <= freshMs ? [`${formatGbit(bitsPerSecond)} Gbit/s into ${machine}`] : [],
  )
  return [
    line('now', what),
    ...phases.slice(-2).map((text) => line('', text)),
    ...(where.length > 0 ? [line('', where.join(', '))] : []),
    ...(state.progress === undefined ? [] : [line('', `last: ${state.progress}`)]),
    ...(rates.length > 0 ? [line('', rates.join(', '))] : []),
  ]
}

function countsLine(done: readonly DoneTest[]): string {
  if (done.length === 0) return 'nothing yet'
  const counts = Map.groupBy(done, ({ state }) => state)
  return [...counts].map(([state, tests]) => `${tests.length} ${state}`).join(', ')
}

function doneText({ state, mode, name, figure }: DoneTest): string {
  return [state.padEnd(8), figure, `${mode} › ${name}`].filter(Boolean).join('  ')
}

function leftText(state: LiveState, nowMs: number): string {
  const { tests, certain } = plannedTests(state.suites)
  const all = `${state.done.length} of ${certain ? '' : 'about '}${tests} tests done in ${clock((nowMs - state.sinceMs) / 1000)}`
  const left = secondsLeft(state, nowMs)
  if (left === undefined || state.done.length >= tests) return all
  return `${all}, ${duration(left)} left (an estimate)`
}

function line(title: string, text: string): string {
  return `${title.padEnd(5)} ${text}`
}

/** `0:42`, `1:02:03` */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (value: number): string => String(value).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** As coarse as a guess is. */
export function duration(seconds: number): string {
  if (seconds < 50) return 'less than a minute'
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `about ${minutes} min`
  return `about ${(minutes / 60).toFixed(1)} h`
}

const segments = new Intl.Segmenter()

/** Cut, with `…`, to at most `room` columns: a character may have two, or none. */
export function fit(text: string, room: number): string {
  if (stringWidth(text) <= room) return text
  let kept = ''
  let used = 0
  for (const { segment } of segments.segment(text)) {
    const width = stringWidth(segment)
    if (used + width > room - 1) break
    kept += segment
    used += width
  }
  return `${kept}…`
}

function painted(text: string, state: TestState | undefined, isRule: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], part: string): string =>
    styleText(style, part, { validateStream: false })
  if (isRule) return paint('dim', text)
  const title = text.slice(0, 6)
  const rest = text.slice(6)
  if (state === undefined) return `${paint('bold', title)}${rest}`
  return rest.startsWith(state) ? `${title}${paint(styles[state], state)}${rest.slice(state.length)}` : text
}
