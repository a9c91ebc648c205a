/**
 * Renders a terminal session that `script` recorded as an SVG in which each line appears when it was printed:
 *
 *   script -qfec '<command>' --log-out out --log-timing timing
 *   node docs/terminal-svg.ts out timing '<command>' > docs/run.svg
 *
 * It knows plain lines and colours, which is all that a run of dpbench prints, and begins at the first line of the run.
 */
import { readFile } from 'node:fs/promises'

const columns = 120
const characterWidth = 7.8
const lineHeight = 18
const margin = 16
/** The recording is played in this time, however long the run was. */
const playSeconds = 20

const colours: Readonly<Record<string, string>> = {
  '31': '#ff7b72',
  '32': '#7ee787',
  '33': '#e3b341',
  '34': '#79c0ff',
  '35': '#d2a8ff',
  '36': '#76e3ea',
  '90': '#8b949e',
}

interface Line {
  readonly text: string
  /** When its end was printed, seconds since the session began. */
  readonly at: number
}

const [outFile, timingFile, command] = process.argv.slice(2)
if (outFile === undefined || timingFile === undefined || command === undefined) {
  process.stderr.write('node docs/terminal-svg.ts <script output> <script timing> <command>\n')
  process.exit(2)
}
const lines = readLines(await readFile(outFile), await readFile(timingFile, 'utf8'))
const begin = lines.findIndex(({ text }) => text.includes('▶'))
process.stdout.write(svg(command, lines.slice(begin)))

/** `script` writes a head line, then what the program printed; the timing has a line `<seconds> <bytes>` per write. */
function readLines(recorded: Buffer, timing: string): Line[] {
  let offset = recorded.indexOf('\n') + 1
  let at = 0
  let text = ''
  const found: Line[] = []
  for (const [seconds = 0, bytes = 0] of timing
    .trim()
    .split('\n')
    .map((entry) => entry.split(' ').map(Number))) {
    at += seconds
    text += recorded.toString('latin1', offset, offset + bytes)
    offset += bytes
    const parts = text.split('\n')
    text = parts.pop() ?? ''
    for (const part of parts) found.push({ text: clean(Buffer.from(part, 'latin1').toString('utf8')), at })
  }
  return found
}

/** Without carriage returns, and without what moves or hides the cursor. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replaceAll(/\r|\u001b\[[?\d;]*[A-HJKSThl]/g, '').replace(/^[⠀-⣿]+/, '')
}

interface Run {
  readonly text: string
  readonly style: string
}

/** Runs of one colour, over as many rows as the terminal needs for them. */
function rowsOf(text: string): Run[][] {
  const rows: Run[][] = [[]]
  let room = columns
  let style = ''
  // oxlint-disable-next-line no-control-regex -- SGR sequences begin so
  for (const [, sequence, plain] of text.matchAll(/\u001b\[([\d;]*)m|([^\u001b]+)/g)) {
    if (plain === undefined) style = restyled(style, sequence ?? '')
    for (let rest = [...(plain ?? '')]; rest.length > 0;) {
      if (room === 0) {
        rows.push([])
        room = columns
      }
      const part = rest.slice(0, room)
      rows.at(-1)?.push({ text: part.join(''), style })
      rest = rest.slice(room)
      room -= part.length
    }
  }
  return rows
}

function restyled(style: string, sequence: string): string {
  let now = style
  for (const code of (sequence || '0').split(';')) {
    if (code === '0' || code === '39' || code === '22') now = ''
    else if (code === '1') now += ' font-weight="bold"'
    else if (code === '2') now += ` fill="${colours['90']}"`
    else if (colours[code]) now = `${now.replace(/ fill="[^"]*"/, '')} fill="${colours[code]}"`
  }
  return now
}

function svg(command: string, lines: readonly Line[]): string {
  const first = lines[0]?.at ?? 0
  const duration = (lines.at(-1)?.at ?? 0) - first || 1
  const rows = [
    { runs: [{ text: `$ ${command}`, style: ' font-weight="bold"' }], delay: 0 },
    ...lines.flatMap(({ text, at }) =>
      rowsOf(text).map((runs) => ({ runs, delay: (1 + ((at - first) / duration) * playSeconds).toFixed(2) })),
    ),
  ]
  const width = Math.ceil(columns * characterWidth + 2 * margin)
  const height = rows.length * lineHeight + 2 * margin
  const body = rows.map(({ runs, delay }, index) => {
    const y = margin + (index + 0.75) * lineHeight
    let column = 0
    const spans = runs.map(({ text, style }) => {
      // renderers drop the spaces that a line begins with: they become a place
      const shown = text.trimStart()
      const length = [...shown].length
      const x = margin + (column + [...text].length - length) * characterWidth
      column += [...text].length
      if (length === 0) return ''
      return `<tspan x="${x.toFixed(1)}" textLength="${(length * characterWidth).toFixed(1)}"${style}>${escaped(shown)}</tspan>`
    })
    return `<text y="${y}" style="animation-delay:${delay}s">${spans.join('')}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Recording of a run of dpbench in a terminal">
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #e6edf3; animation: appear 0.01s backwards }
@keyframes appear { from { opacity: 0 } }
@media (prefers-reduced-motion: reduce) { text { animation: none } }
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${body.join('\n')}
</svg>
`
}

/** With spaces that no renderer puts together. */
function escaped(text: string): string {
  return text
    .replaceAll(' ', '\u00a0')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
