/** Hooks before the first pair and after the last, once more on old results, and groups from end to end. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bash, groupOf, openGroup, processesWith } from './support.ts'

describe('hooks', { timeout: 60_000 }, () => {
  test('before: in the group’s results, which the programs find; what they start runs on, until the group is closed', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash(
          'cat ../../made; ${SSH_EXEC} "cat ../nothing 2>/dev/null; kill -0 $(cat $REMOTE_RESULTS_ROOT_PATH/pid) && echo runs"',
        ),
        'remote/r': bash('exit 0'),
        before_first_test_local: bash(
          'echo made > made; ${SSH_EXEC} "echo by the remote"; wait_for_remote || echo "none $?"',
        ),
        before_first_test_remote: bash('setsid sleep 333 & echo $! > pid; exit 6'),
      }),
    )
    expect(await tested.open.before()).toMatchObject([
      { hook: 'before_first_test_local', fault: undefined },
      { hook: 'before_first_test_remote', fault: 'it ended with status 6' },
    ])
    expect(await tested.run()).toMatchObject({ succeeded: true })
    expect(await tested.read('l_x_r/local/stdout')).toBe('made\nruns\n')
    expect(await tested.read('made')).toBe('made\n')
    expect(await tested.read('before_first_test_local.stdout')).toMatch(/^by the remote\n.*\nnone 1\n$/)
    expect(await tested.read('before_first_test_remote.exit-status')).toBe('6\n')
    expect(await processesWith(tested.folders[1]!)).toContain('sleep 333')
    await tested.open[Symbol.asyncDispose]()
    for (const folder of tested.folders) {
      expect(existsSync(folder)).toBe(false)
      expect(await processesWith(folder)).toBe('')
    }
  })

  test('after: each side finds the results of both, and what it makes comes back; again on old results', async () => {
    const folder = await groupOf({
      'local/l': bash('echo 1 > figure'),
      'remote/r': bash('echo 2 > figure'),
      after_last_test_remote: bash('cat */*/figure > sums; ls l_x_r'),
      after_last_test_local: bash('cp sums graph; rm sums; echo "$0" | grep -q "^$LOCAL_TEST_ROOT_PATH/"'),
    })
    const tested = await openGroup(folder)
    await tested.run()
    expect(await tested.open.after()).toMatchObject([
      { hook: 'after_last_test_remote', fault: undefined },
      { hook: 'after_last_test_local', fault: undefined },
    ])
    expect(await tested.read('graph')).toBe('1\n2\n')
    expect(await tested.read('after_last_test_remote.stdout')).toBe('SUCCESS\nlocal\nremote\n')
    await tested.open[Symbol.asyncDispose]()

    const again = await openGroup(folder)
    expect(await again.open.after()).toHaveLength(2)
    expect(await again.read('graph')).toBe('1\n2\n')
    expect(await again.list('l_x_r')).toEqual(['SUCCESS', 'local', 'remote'])
  })

  test('one that does not end is ended, with what it started', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash('exit 0'),
        'remote/r': bash('exit 0'),
        before_first_test_local: bash('sleep 60 & sleep 61'),
      }),
      { limits: { timeoutSeconds: 1 } },
    )
    expect(await tested.open.before()).toMatchObject([{ fault: 'it still ran after 1 s (--timeout)' }])
    expect(await processesWith(tested.folders[0]!)).toBe('')
  })

  test('a group that cannot be copied leaves nothing', async () => {
    const folder = await groupOf({ 'local/l': bash('exit 0'), 'remote/r': bash('exit 0') })
    const stop = new AbortController()
    const folders: string[] = []
    const opening = openGroup(folder, {
      signal: stop.signal,
      journal: async (_, { path }) => {
        folders.push(path)
        stop.abort(new Error('stopped meanwhile'))
        return async () => undefined
      },
    })
    await expect(opening).rejects.toThrow()
    expect(folders).not.toEqual([])
    for (const each of folders) expect(existsSync(each)).toBe(false)
  })
})
