/** `dpbench pairs` as it is typed, with both sides on the controller: exit codes, counts, files, and nothing left. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { foreignEnvironment, stackTrace } from '../e2e/support/project.ts'
import { bash, groupOf, processesWith } from './support.ts'

const bin = join(import.meta.dirname, '../../bin/dpbench.ts')
const here = ['--local', 'controller', '--remote', 'controller', '--grace', '1']

/** In the folder above the group. */
async function typed(folder: string, ...argv: readonly string[]) {
  const result = await tryLocally([process.execPath, bin, 'pairs', ...argv], {
    cwd: dirname(folder),
    env: foreignEnvironment(),
  })
  expect(result.stderr).not.toMatch(stackTrace)
  return { status: result.exitCode, out: result.stdout, err: result.stderr }
}

describe('dpbench pairs', { timeout: 60_000 }, () => {
  test('counts what succeeded and what failed: 1; what is there is not overwritten; the hooks again', async () => {
    const folder = await groupOf({
      'local/bad': bash('exit 3'),
      'local/good': bash('echo "$UNIKERNEL_IP1" > ip'),
      'local/page.txt': 'x',
      'remote/r': bash('sleep 20'),
      after_last_test_local: bash('ls > list; [ ! -e ../../fail ]'),
    })
    const env = ['--env', 'UNIKERNEL_IP1=10.0.0.9', '--env=B=c']
    const first = await typed(folder, 'group', ...here, '--tag', 'mine', ...env)
    expect(first.status, first.err).toBe(1)
    expect(first.err).toContain('skipped: local/page.txt: not executable')
    expect(first.out).toMatch(/^FAILED {3}bad_x_r {2}\d+\.\d s: the local program ended with status 3$/m)
    expect(first.out).toMatch(/^SUCCESS {2}good_x_r {2}\d+\.\d s: .*still ran and was ended$/m)
    expect(first.out).toMatch(/^2 pairs: 1 succeeded, 1 failed: results\/mine$/m)
    const results = join(dirname(folder), 'results')
    expect(await readdir(join(results, 'mine/group/bad_x_r'))).toContain('FAILED')
    expect(await readFile(join(results, 'mine/group/good_x_r/local/ip'), 'utf8')).toBe('10.0.0.9\n')
    const record = JSON.parse(await readFile(join(results, 'mine/group/pairs.json'), 'utf8')) as object
    expect(record).toMatchObject({ pairs: [{ succeeded: false, localStatus: 3 }, { succeeded: true }] })

    const again = await typed(folder, 'group', ...here, '--tag', 'mine', '--rerun', 'after')
    expect(again.out).toMatch(/^1 hook: 1 succeeded, 0 failed: results\/mine$/m)
    expect(again.status).toBe(0)
    expect(existsSync(join(results, 'mine/group/bad_x_r/FAILED'))).toBe(true)
    const second = await typed(folder, 'group', ...here, '--tag', 'mine', ...env)
    expect(second.out).toContain('results/mine-2\n')
  })

  test('--strict: a hook that fails before the first pair ends the group: 1', async () => {
    const files = {
      'local/l': bash('exit 0'),
      'remote/r': bash('exit 0'),
      before_first_test_remote: bash('exit 1'),
    }
    const folder = await groupOf(files)
    const lenient = await typed(folder, 'group', ...here)
    expect(lenient.out).toMatch(/^1 pair: 1 succeeded, 0 failed, 1 hook failed: results\/\d{4}-/m)
    expect(lenient.status).toBe(0)
    const strict = await typed(folder, 'group', ...here, '--strict')
    expect(strict.out).toMatch(/^1 pair: 0 succeeded, 0 failed, 1 not run, 1 hook failed/m)
    expect(strict.status).toBe(1)
  })

  test('says every fault of the command line in a sentence: 2, and nothing is made', async () => {
    const folder = await groupOf({ 'local/l': bash('exit 0') })
    const wrong = await typed(
      folder,
      'group',
      'nothing',
      '--local',
      'controller',
      '--timeout',
      'x',
      '--env',
      '1=2',
    )
    expect(wrong.status).toBe(2)
    expect(wrong.err.trim().split('\n')).toEqual([
      'dpbench: --remote is missing: write --remote vm1',
      '--timeout is "x": write a whole number, 1 to 604800',
      '--env is "1=2": write --env NAME=VALUE',
      expect.stringMatching(/^\S+group has no folder remote\/: put/),
      'there is no folder nothing: write one, or dpbench pairs new nothing',
    ])
    const unknown = await typed(folder, 'group', ...here, '--loccal', 'x')
    expect(unknown.err).toContain('unknown option --loccal: did you mean --local?')
    expect(unknown.status).toBe(2)
    const noTag = await typed(folder, ...here, '--rerun', 'after')
    expect(noTag.err).toContain('--rerun after needs the results that it is for: write --tag NAME')
    expect(noTag.err).toContain('no group is named')
    expect(existsSync(join(dirname(folder), 'results'))).toBe(false)
    expect(existsSync(join(dirname(folder), '.dpbench'))).toBe(false)
  })

  test('pairs new makes a group that succeeds, and never over something', async () => {
    const folder = await groupOf({ x: 'x' })
    expect((await typed(folder, 'new', 'test-mine')).status).toBe(0)
    const { status, out } = await typed(folder, 'test-mine', ...here, '--tag', 'new')
    expect(out).toMatch(/^1 pair: 1 succeeded, 0 failed: results\/new$/m)
    expect(status).toBe(0)
    const again = await typed(folder, 'new', 'test-mine')
    expect(again).toMatchObject({
      status: 2,
      err: 'dpbench: test-mine is there already: choose another name\n',
    })
    expect((await typed(folder, 'new', 'with space')).status).toBe(2)
    expect((await typed(folder, 'new')).err).toContain('name one group')
  })

  const phases = {
    'the first hook': {
      before_first_test_remote: bash('setsid sleep 60 & touch $REMOTE_ROOT_PATH/runs; sleep 60'),
    },
    'the second pair': {
      'local/m': bash('sleep 60 & setsid sleep 60 & touch $LOCAL_ROOT_PATH/runs; wait'),
    },
    'the gathering': {
      'local/m': bash('exit 0'),
      // whoever lists its results waits for somebody to write into the pipe
      '../tools/find': `#!/bin/sh\ncase $PWD in */m_x_r/*) touch "\${PWD%%/root/*}/root/runs"; sleep 60;; esac\nexec /usr/bin/find "$@"\n`,
    },
    'the last hook': { after_last_test_local: bash('touch $LOCAL_ROOT_PATH/runs; sleep 60') },
  } satisfies Record<string, Record<string, string>>

  const begun = async (phase: keyof typeof phases) => {
    const folder = await groupOf({
      'local/l': bash('echo kept > result'),
      'remote/r': bash('setsid sleep 60 & sleep 60'),
      ...phases[phase],
    })
    const running = spawn(process.execPath, [bin, 'pairs', 'group', ...here, '--tag', 't'], {
      cwd: dirname(folder),
      env: { ...foreignEnvironment(), PATH: `${dirname(folder)}/tools:${process.env['PATH']}` },
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => running.once('close', resolve))
    const left = async (): Promise<string[]> => {
      const file = join(dirname(folder), '.dpbench/controller/journal.jsonl')
      const journal = await readFile(file, 'utf8').catch(() => '')
      const paths = [...journal.matchAll(/"path":"([^"]+)"/g)].map(([, path]) => path!)
      return paths.filter((path) => existsSync(path))
    }
    while (!(await left()).some((path) => existsSync(join(path, 'root/runs')))) await delay(50)
    const results = join(dirname(folder), 'results/t/group')
    if (phase !== 'the first hook')
      expect(await readFile(join(results, 'l_x_r/local/result'), 'utf8')).toBe('kept\n')
    return { folder, running, ended, left }
  }

  test.each([
    ['SIGTERM', 'the first hook', 143],
    ['SIGINT', 'the second pair', 130],
    ['SIGTERM', 'the gathering', 143],
    ['SIGINT', 'the last hook', 130],
  ] as const)('%s during %s leaves nothing, and keeps what was gathered', async (signal, phase, status) => {
    const { folder, running, ended, left } = await begun(phase)
    const folders = await left()
    running.kill(signal)
    expect(await ended).toBe(status)
    expect(await left()).toEqual([])
    for (const each of folders) expect(await processesWith(each)).toBe('')
    const results = join(dirname(folder), 'results/t/group')
    const record = JSON.parse(await readFile(join(results, 'pairs.json'), 'utf8')) as Recorded
    const told = record.pairs.map(({ name, succeeded }) => `${name} ${succeeded}`)
    if (phase === 'the first hook') expect([told, record.notRun]).toEqual([[], ['l_x_r']])
    else if (phase === 'the last hook') expect(told).toEqual(['l_x_r true'])
    else expect(told).toEqual(['l_x_r true', 'm_x_r false'])
  })

  test.each(['the first hook', 'the second pair', 'the gathering'] as const)(
    'after a SIGKILL during %s the next call puts back what is left',
    async (phase) => {
      const { folder, running, ended, left } = await begun(phase)
      running.kill('SIGKILL')
      await ended
      const folders = await left()
      expect(folders).toHaveLength(2)
      const after = join(dirname(folder), 'after')
      for (const side of ['local', 'remote']) {
        await mkdir(join(after, side), { recursive: true })
        await writeFile(join(after, side, 'p'), bash('exit 0'), { mode: 0o755 })
      }
      const next = await typed(after, 'after', ...here)
      expect(next.err).toContain('putting back what an earlier run left: folder /var/tmp/dpbench-pairs-')
      expect(next.status).toBe(0)
      expect(await left()).toEqual([])
      for (const each of folders) expect(await processesWith(each)).toBe('')
    },
  )
})

interface Recorded {
  readonly pairs: readonly { readonly name: string; readonly succeeded: boolean }[]
  readonly notRun: readonly string[]
}
