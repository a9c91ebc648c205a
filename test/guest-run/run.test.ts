import { readFile, readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { processLauncher } from './support/process-guest.ts'
import { runHere } from './support/run-here.ts'

const tracing = `#!/bin/sh
# MEM=128M
set -x
: "$(echo + echo TEST SUCCESS)"
`

describe('what becomes of a run', () => {
  test('TEST SUCCESS is success, and the output comes back', async () => {
    const { record, results } = await runHere('echo before\necho TEST SUCCESS\necho after')
    expect(record.verdict).toMatchObject({ outcome: 'success' })
    expect(record.exitStatus).toBe(0)
    expect(await readFile(join(results, 'stdout.log'), 'utf8')).toBe('before\nTEST SUCCESS\nafter\n')
    expect(await readFile(join(results, 'SUCCESS'), 'utf8')).toContain('TEST SUCCESS')
    expect(await readFile(join(results, 'console.log'), 'utf8')).toContain('dpbench: the script begins')
  })

  test('TEST FAILED is a failure, whatever is said before', async () => {
    const { record } = await runHere('echo TEST SUCCESS\necho TEST FAILED\nexit 3')
    expect(record.verdict.outcome).toBe('failed')
    expect(record.verdict.sentence).toContain('exit status 3')
    expect(record.verdict.lines).toContain('TEST FAILED')
  })

  test('an end without a word is told apart, with the exit status', async () => {
    const { record } = await runHere('echo nothing to say\nexit 7')
    expect(record.verdict.outcome).toBe('powered-off')
    expect(record.verdict.sentence).toBe("the script ended without 'TEST SUCCESS' (exit status 7)")
    expect(record.verdict.lines).toContain('nothing to say')
  })

  test('a shell that traces the word has not said it', async () => {
    const { record } = await runHere(tracing)
    expect(record.verdict.outcome).toBe('powered-off')
  })

  test('the script switches the guest off, or resets it', async () => {
    expect((await runHere('poweroff; sleep 30')).record.verdict).toMatchObject({
      outcome: 'powered-off',
      sentence: expect.stringContaining('switched itself off'),
    })
    expect((await runHere('reboot; sleep 30')).record.verdict.outcome).toBe('reset')
  })

  test('a panic on the console is the verdict, with its lines, and the run is not waited for', async () => {
    const begun = performance.now()
    const { record } = await runHere(
      'echo "[   12.000001] Kernel panic - not syncing: sysrq triggered crash"\necho "[   12.000002] CPU: 0 PID: 1"\nsleep 60',
    )
    expect(record.verdict.outcome).toBe('panic')
    expect(record.verdict.sentence).toContain('sysrq triggered crash')
    expect(record.verdict.lines.join('\n')).toContain('CPU: 0 PID: 1')
    expect(performance.now() - begun).toBeLessThan(15_000)
  })

  test('an oops spoils a success', async () => {
    const { record } = await runHere('echo "[    3.5] BUG: unable to handle page fault"\necho TEST SUCCESS')
    expect(record.verdict.outcome).toBe('oops')
  })

  test('another pattern, and vSwarm-μ: the word is in results.log, sent by a form, and the guest goes off', async () => {
    const { record, results } = await runHere(
      `exec > results.log 2>&1
echo "SUCCESS: All commands completed successfully"
curl -sS "$DPBENCH_URL/upload" -F 'files=@results.log'
poweroff`,
      { settings: { success: /SUCCESS: All commands completed successfully/ } },
    )
    expect(record.verdict.outcome).toBe('success')
    expect(record.uploads).toEqual(['results.log'])
    expect(await readFile(join(results, 'uploads/results.log'), 'utf8')).toContain('SUCCESS: All')
  })

  test('what runs on after the word is ended', async () => {
    const { record } = await runHere('echo TEST SUCCESS\nsleep 60')
    expect(record.verdict.outcome).toBe('success')
    expect(record.durationMs).toBeLessThan(15_000)
  })
})

describe('time', () => {
  const limited = (text: string): string => `#!/bin/sh\n# MEM=128M\n# TIMEOUT=1s\n${text}`

  test('at the deadline the console is told, then the guest is ended', async () => {
    const launcher = processLauncher()
    const { record, console } = await runHere(
      limited('echo working; echo so far > early.log; dpbench-upload early.log; sleep 60'),
      { launcher },
    )
    expect(record.uploads).toEqual(['early.log'])
    expect(record.verdict.outcome).toBe('timeout')
    expect(record.verdict.sentence).toContain('within 1 s')
    expect(launcher.typed).toEqual(['========= FAILED TIMEOUT (no test) in 1s\n'])
    expect(console).toContain('FAILED TIMEOUT')
  })

  test('a guest that ignores SIGTERM is killed', async () => {
    const { record } = await runHere(limited('sleep 60'), {
      launcher: processLauncher({ ignoresTerm: true }),
    })
    expect(record.verdict.outcome).toBe('timeout')
  })

  test('the time counts from the beginning of the script', async () => {
    const { record } = await runHere(limited('sleep 60'), {
      settings: { pauses: { bootMs: 60_000, markerMs: 50, termMs: 50 } },
    })
    expect(record.verdict.outcome).toBe('timeout')
    expect(record.durationMs).toBeLessThan(20_000)
  })

  test('WATCHDOG gives more time', async () => {
    const { record } = await runHere(limited('echo WATCHDOG 20; sleep 2; echo TEST SUCCESS'))
    expect(record.verdict.outcome).toBe('success')
  })
})

describe('subtests', () => {
  const script = (bodies: string): string =>
    `[ "$1" = list-tests ] && { echo one two three; exit; }\n[ "$1" = run-tests ] && shift\n${bodies}`

  test('each has a status, a duration and a log', async () => {
    const { record, results } = await runHere(script('echo "this is $1"'))
    expect(record.verdict).toMatchObject({
      outcome: 'success',
      sentence: expect.stringContaining('3 subtests'),
    })
    expect(record.subtests.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'one PASSED',
      'two PASSED',
      'three PASSED',
    ])
    expect(await readFile(join(results, 'subtests/two/log'), 'utf8')).toContain('this is two\n')
    expect(await readFile(join(results, 'subtests/two/log'), 'utf8')).not.toContain('this is one')
    expect(await readFile(join(results, 'subtests/two/status'), 'utf8')).toBe('PASSED\n')
    expect(Number(await readFile(join(results, 'subtests/two/duration'), 'utf8'))).toBeGreaterThanOrEqual(0)
  })

  test('one that fails fails the run, and the others run', async () => {
    const { record } = await runHere(script('[ "$1" != two ]'))
    expect(record.verdict.outcome).toBe('failed')
    expect(record.verdict.sentence).toContain('two FAILED')
    expect(record.verdict.lines.join('\n')).not.toContain('three')
    expect(record.subtests.map(({ status }) => status)).toEqual(['PASSED', 'FAILED', 'PASSED'])
  })

  test('with fail-fast the rest is NOT STARTED', async () => {
    const { record } = await runHere(script('[ "$1" != two ]'), { settings: { failFast: true } })
    expect(record.subtests.map(({ status }) => status)).toEqual(['PASSED', 'FAILED', 'NOT STARTED'])
  })

  test('a guest that goes off in between leaves NOT STARTED behind', async () => {
    const { record, results } = await runHere(script('[ "$1" = two ] && { poweroff; sleep 30; }\ntrue'))
    expect(record.verdict.outcome).toBe('failed')
    expect(record.subtests.map(({ status }) => status)).toEqual(['PASSED', 'FAILED', 'NOT STARTED'])
    expect(await readFile(join(results, 'subtests/three/status'), 'utf8')).toBe('NOT STARTED\n')
  })

  test('only those that are chosen run', async () => {
    const { record } = await runHere(script('echo "$1"'), { staging: { only: ['three', 'one'] } })
    expect(record.subtests.map(({ name }) => name)).toEqual(['one', 'three'])
  })
})

describe('around the run', () => {
  test('required files lie beside the script and in PATH; what it leaves in its results folder comes back', async () => {
    const { record, results } = await runHere(
      `#!/bin/sh
# MEM=128M
# REQUIRE: helper, data.txt, sha256sum
helper && cat data.txt && sha256sum < data.txt && mkdir -p "$DPBENCH_RESULTS/a b" && cp data.txt "$DPBENCH_RESULTS/a b/ü.txt"
echo more > more.log && dpbench-upload more.log
curl -fsS "$DPBENCH_URL/data.txt" && echo TEST SUCCESS`,
      { beside: { helper: '#!/bin/sh\necho helped\n', 'data.txt': 'some data\n' } },
    )
    expect(record.verdict.outcome).toBe('success')
    expect(await readFile(join(results, 'stdout.log'), 'utf8')).toContain('helped\nsome data\n')
    expect(await readFile(join(results, 'uploads/a-b/ü.txt'), 'utf8')).toBe('some data\n')
    expect(await readFile(join(results, 'uploads/more.log'), 'utf8')).toBe('more\n')
  })

  test('an interrupted run ends its guest and closes its server', async () => {
    const stop = new AbortController()
    const running = runHere('echo here; sleep 60', {
      settings: {
        signal: stop.signal,
        onLine: (line) => line === 'here' && stop.abort(new Error('interrupted')),
      },
    })
    await expect(running).rejects.toThrow('interrupted')
  })

  test('a port of another process is refused by name, and left alone', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    await expect(runHere('true', { settings: { port } })).rejects.toThrow(
      `port ${port} of 127.0.0.1 is taken`,
    )
    expect(other.listening).toBe(true)
    other.close()
  })

  test('nothing but the results is left in the folders', async () => {
    const { results, temporary } = await runHere('echo TEST SUCCESS')
    expect((await readdir(results)).sort()).toEqual([
      'SUCCESS',
      'console.log',
      'guest-run.json',
      'stdout.log',
    ])
    expect(await readdir(join(temporary, 'arriving'))).toEqual([])
  })
})
