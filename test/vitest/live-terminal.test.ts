/** The live screen on a real pseudo-terminal, which `script` (util-linux) makes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import { describe, expect, onTestFinished, test } from 'vitest'
import { waitFor } from '../../src/core/wait.ts'
import { plainProject } from '../e2e/support/plain-project.ts'
import { type Project, dpbenchBin, foreignEnvironment } from '../e2e/support/project.ts'

const nap = 'await new Promise((done) => setTimeout(done, 1500))'
const suites = { naps: { 'a nap': nap, 'a fault': "throw new Error('as planned')" } }

/** Starts `dpbench run` on a terminal; what is typed goes in by `type`. */
function onTerminal(project: Project, env: NodeJS.ProcessEnv = {}) {
  const argv = [
    process.execPath,
    dpbenchBin,
    'run',
    '--env-config-file',
    project.configFile,
    '--mode',
    'offload',
  ]
  const child = spawn('script', ['-qefc', quoteArgv(argv), '/dev/null'], {
    cwd: project.folder,
    env: { ...foreignEnvironment(), TERM: 'xterm-256color', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return {
    type: (keys: string) => child.stdin.write(keys),
    shows: (pattern: RegExp): Promise<unknown> =>
      waitFor(
        async () => (pattern.test(text) ? { state: 'ready', value: true } : { state: 'pending', seen: text }),
        { what: `the terminal to show ${pattern}`, timeoutMs: 30_000 },
      ),
    ended: once(child, 'close').then(([status]) => ({ status: status as number, text })),
  }
}

/** After its last painting: no line of the screen is left, the cursor is shown, the table is there. */
function expectClean(text: string): void {
  const after = text.slice(text.lastIndexOf('tests done in'))
  expect(after).toContain('written: results/')
  expect(after).not.toMatch(/\u2500{5}|left {2}/)
  expect(text.lastIndexOf('\u001B[?25h')).toBeGreaterThan(text.lastIndexOf('\u001B[?25l'))
  expect(text.endsWith('\r\n') || text.trimEnd().endsWith('\u001B[?25h')).toBe(true)
}

describe('the live screen on a terminal', { timeout: 60_000 }, () => {
  test('shows what runs and what is done, and leaves the terminal clean', async () => {
    const { status, text } = await onTerminal(await plainProject(suites)).ended
    expect(status, text).toBe(3) // a test fails by an error
    expect(text).toMatch(/now .*offload › a nap, 0:0\d/)
    expect(text).toMatch(/done .*1 PASS/)
    expect(text).toMatch(/left .*1 of 2 tests done in 0:0\d, less than a minute left \(an estimate\)/)
    expect(text).toContain('▶ offload  a nap\r\n')
    expectClean(text)
  })

  test('after Ctrl-C too', async () => {
    const running = onTerminal(await plainProject({ naps: { 'a nap': nap, 'a second': nap } }))
    await running.shows(/now .*offload › a nap/)
    running.type('\u0003')
    const { status, text } = await running.ended
    expect(status, text).toBe(130)
    expect(text).toMatch(/SIGINT: ending what runs/)
    expectClean(text)
  })

  test('is not there where CI is set', async () => {
    const { text } = await onTerminal(await plainProject(suites), { CI: 'true' }).ended
    expect(text).toContain('▶ offload  a nap')
    expect(text).not.toContain('(an estimate)')
  })
})
