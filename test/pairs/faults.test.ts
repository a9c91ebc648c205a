/** Programs that a group may well have, and that make it hard: daemons, floods, odd names, hostile results. */
import { existsSync } from 'node:fs'
import { chmod, lstat, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { bash, groupOf, openGroup } from './support.ts'

describe('a group that makes it hard', { timeout: 60_000 }, () => {
  test('daemons of the remote program are ended with it, also those that put its environment away', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash('wait_for_remote'),
        'remote/r': bash(
          'setsid sleep 5101 &',
          '( ( nohup sleep 5102 & ) & )',
          'env -i setsid sleep 5103 &',
          'cd /; env -i setsid sleep 5104 > $REMOTE_RESULTS_PATH/log 2>&1 &',
          'sleep 0.3',
        ),
      }),
    )
    expect(await tested.run()).toMatchObject({ succeeded: true, ends: { remote: { status: 0 } } })
    for (const seconds of [5101, 5102, 5103, 5104]) expect(await running(`sleep ${seconds}`)).toBe('')
  })

  test('one that ends in the folder’s removal: nothing stays that writes there', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash('exit 0'),
        'remote/r': bash('exit 0'),
        before_first_test_remote: bash('env -i setsid sleep 5105 & sleep 0.2'),
      }),
    )
    await tested.open.before()
    expect(await running('sleep 5105')).not.toBe('')
    await tested.open[Symbol.asyncDispose]()
    expect(await running('sleep 5105')).toBe('')
  })

  test('100 MB of output, and a large sparse file', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash('yes "a line of output" | head -c 100000000; truncate -s 4G core'),
        'remote/r': bash('head -c 20000000 /dev/zero >&2; sleep 60'),
      }),
      { limits: { timeoutSeconds: 40 } },
    )
    const before = process.memoryUsage().rss
    expect(await tested.run()).toMatchObject({ succeeded: true })
    const local = join(tested.results, 'l_x_r/local')
    expect((await stat(join(local, 'stdout'))).size).toBe(100_000_000)
    expect((await stat(join(tested.results, 'l_x_r/remote/stderr'))).size).toBe(20_000_000)
    const core = await stat(join(local, 'core'))
    expect([core.size, core.blocks * 512 < 1_000_000]).toEqual([4 * 1024 ** 3, true])
    expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000)
  })

  test('results of any name come back byte for byte; pipes, sockets and set-user-id do not', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash(
          'for name in "-n" "a b" $\'new\\nline\' $\'\\xff\\xfe\' "*" "\\\\"; do echo x > "./$name"; done',
          'mkfifo pipe; mkdir many shut; touch many/$(seq -s " many/" 500); echo inside > shut/file; chmod 0 shut',
          'echo > mighty; chmod 6755 mighty',
        ),
        'remote/r': bash('ln -s /tmp/dpbench-nowhere-$$ stdout; ln -s /etc outside; echo out'),
      }),
    )
    expect(await tested.run()).toMatchObject({ succeeded: true })
    const local = join(tested.results, 'l_x_r/local')
    const names = (await readdir(local, { encoding: 'buffer' }))
      .map((name) => name.toString('latin1'))
      .toSorted()
    expect(names).toEqual(
      [
        '*',
        '-n',
        '\\',
        'a b',
        'exit-status',
        'many',
        'mighty',
        'new\nline',
        'shut',
        'stderr',
        'stdout',
        'ÿþ',
      ].toSorted(),
    )
    expect(await readdir(join(local, 'many'))).toHaveLength(500)
    expect(await readFile(join(local, 'shut/file'), 'utf8')).toBe('inside\n')
    expect((await stat(join(local, 'mighty'))).mode & 0o7777).toBe(0o755)
    const remote = join(tested.results, 'l_x_r/remote')
    expect((await lstat(join(remote, 'stdout'))).isSymbolicLink()).toBe(true)
    expect(await readFile(join(remote, 'stdout.dpbench'), 'utf8')).toBe('out\n')
    expect((await lstat(join(remote, 'outside'))).isSymbolicLink()).toBe(true)
  })

  test('programs of odd names, in folders below, without a first line, in other languages', async () => {
    const folder = await groupOf({
      'local/-n': bash('echo dash'),
      'local/$(id)': bash('echo not id'),
      'local/new\nline': bash('echo two lines'),
      'local/x/a b.py':
        '#!/usr/bin/env python3\nimport os, subprocess\nsubprocess.check_call(["say_info", "from python"])\n',
      'local/plain': 'echo "no first line: $TEST_NAME"; wait_for_remote',
      'remote/deep/er/r': bash('sleep 0.1'),
    })
    await chmod(join(folder, 'local/plain'), 0o755)
    const tested = await openGroup(folder)
    const said: Record<string, string> = {}
    for (const pair of tested.pairs) {
      const outcome = await tested.open.run(pair)
      expect(outcome, outcome.reason).toMatchObject({ succeeded: true })
      said[pair.local] = (await tested.read(`${pair.name}/local/stdout`)).split('\n')[0]!
    }
    expect(said).toEqual({
      '-n': 'dash',
      '$(id)': 'not id',
      'new\nline': 'two lines',
      'x/a b.py': '# INFO: from python',
      plain: 'no first line: group',
    })
  })

  test('an executable that cannot be executed, and one for nothing: the pair fails with its status', async () => {
    const folder = await groupOf({
      'local/l': '#!/no/such/interpreter\n',
      'remote/r': bash('sleep 60'),
    })
    await writeFile(join(folder, 'local/m'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0]), { mode: 0o755 })
    const tested = await openGroup(folder)
    for (const pair of tested.pairs) {
      const outcome = await tested.open.run(pair)
      expect(outcome.succeeded).toBe(false)
      expect(outcome.reason).toMatch(/^the local program ended with status 12[67]$/)
    }
  })

  test('results that were taken away are a failure of the pair, not of the group', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash('rm -rf "$DPBENCH_PAIR_CONTROL"/stdout'),
        'local/m': bash('rmdir "$PWD"'),
        'remote/r': bash('sleep 60'),
      }),
    )
    const [first, second] = tested.pairs
    const outcome = await tested.open.run(first!)
    expect(outcome.succeeded).toBe(false)
    expect(outcome.reason).toContain('the results of here could not be gathered: ')
    expect(await tested.open.run(second!)).toMatchObject({ succeeded: true })
  })

  test('what a machine puts in the place of results on the controller is not written through', async () => {
    const folder = await groupOf({
      'local/l': bash('echo mine > result'),
      'remote/r': bash('sleep 60'),
      before_first_test_local: bash(
        'ln -s "$TARGET" l_x_r; ln -s "$TARGET/x" before_first_test_remote.stdout',
      ),
      before_first_test_remote: bash('rm "$LOCAL_RESULTS_ROOT_PATH/l_x_r"; echo hook'), // fetched before
    })
    const tested = await openGroup(folder, { variables: { TARGET: dirname(folder) } })
    await tested.open.before()
    expect(await tested.run()).toMatchObject({ succeeded: true })
    expect(existsSync(join(dirname(folder), 'local'))).toBe(false)
    expect(existsSync(join(dirname(folder), 'x'))).toBe(false)
    expect(await tested.read('l_x_r/local/result')).toBe('mine\n')
  })
})

async function running(commandLine: string): Promise<string> {
  return (await tryLocally(['pgrep', '-fx', commandLine])).stdout
}
