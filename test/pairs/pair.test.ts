/** What one pair does, with real processes: who ends whom, what is kept, what is left. */
import { setTimeout as delay } from 'node:timers/promises'
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bash, groupOf, openGroup, processesWith } from './support.ts'

const pairOf = (local: string, remote: string, more: Record<string, string> = {}) =>
  groupOf({ 'local/l': local, 'remote/r': remote, ...more })

describe('a pair', { timeout: 60_000 }, () => {
  test('both in fresh folders of their own, whose content comes back with output and status', async () => {
    const tested = await openGroup(
      await pairOf(
        bash(
          'echo out; echo err >&2; ls -A > seen; mkdir -p 1; echo deep > 1/x; . "$(dirname $0)/../lib/common"; cat "$(dirname "$0")/data"; exit 0',
        ),
        bash('echo r; echo $REMOTE_PID > pid; echo mine > stdout; chmod 4711 stdout'),
        { 'lib/common': 'echo sourced\n', 'local/data': 'beside\n' },
      ),
    )
    const outcome = await tested.run()
    expect(outcome).toMatchObject({ succeeded: true, ends: { local: { status: 0 }, remote: { status: 0 } } })
    expect(await tested.list('l_x_r')).toEqual(['SUCCESS', 'local', 'remote'])
    expect(await tested.list('l_x_r/local')).toEqual(['1', 'exit-status', 'seen', 'stderr', 'stdout'])
    expect(await tested.read('l_x_r/local/seen')).toBe('seen\n')
    expect(await tested.read('l_x_r/local/1/x')).toBe('deep\n')
    expect(await tested.read('l_x_r/local/stdout')).toBe('out\nsourced\nbeside\n')
    expect(await tested.read('l_x_r/local/stderr')).toBe('err\n')
    expect(await tested.read('l_x_r/local/exit-status')).toBe('0\n')
    expect(await tested.read('l_x_r/remote/stdout')).toBe('mine\n')
    expect(await tested.read('l_x_r/remote/stdout.dpbench')).toBe('r\n')
    expect(await tested.read('l_x_r/remote/pid')).toBe('\n')
  })

  test('a remote program that still runs is ended by SIGHUP when local has succeeded', async () => {
    const tested = await openGroup(
      await pairOf(
        bash('wait_for_remote_port_open 39471'),
        bash('trap "echo hup > ended; exit 7" HUP', 'python3 -m http.server 39471 --bind 127.0.0.1 & wait'),
      ),
    )
    const outcome = await tested.run()
    expect(outcome).toMatchObject({ succeeded: true, remoteByItself: false, ends: { remote: { status: 7 } } })
    expect(outcome.reason).toBe(
      'the local program ended with status 0; the remote program still ran and was ended',
    )
    expect(await tested.read('l_x_r/remote/ended')).toBe('hup\n')
    expect(await tested.read('l_x_r/remote/exit-status')).toBe('7\n')
  })

  test('one that ignores SIGHUP gets SIGTERM, and one that ignores both SIGKILL', async () => {
    const deaf = bash(
      'trap "" HUP; trap "echo term > ended; [ -e deaf ] || exit 0" TERM',
      'touch started; while :; do sleep 0.1; done',
    )
    const term = await openGroup(await pairOf(bash('sleep 0.3'), deaf))
    expect(await term.run()).toMatchObject({ succeeded: true, ends: { remote: { status: 0 } } })
    expect(await term.read('l_x_r/remote/ended')).toBe('term\n')
    const kill = await openGroup(await pairOf(bash('sleep 0.3'), deaf.replace('touch started', 'touch deaf')))
    expect(await kill.run()).toMatchObject({ succeeded: true, ends: { remote: { status: 137 } } })
  })

  test('a remote program that fails before local is ready ends local, and the pair fails', async () => {
    const tested = await openGroup(await pairOf(bash('sleep 30 & sleep 31'), bash('echo no >&2; exit 3')))
    const outcome = await tested.run()
    expect(outcome.succeeded).toBe(false)
    expect(outcome.reason).toBe(
      'the remote program ended by itself with status 3 before the local one was ready',
    )
    expect(outcome.seconds).toBeLessThan(20)
    expect(await tested.read('l_x_r/FAILED')).toContain('status 3')
    expect(await tested.read('l_x_r/local/exit-status')).toBe('129\n')
    expect(await processesWith(tested.folders[0]!)).toBe('')
  })

  test('one that ends well before the port is open that local waits for fails the pair, too', async () => {
    const tested = await openGroup(
      await pairOf(bash('wait_for_remote_port_open 39472; sleep 30'), bash('exit 0')),
    )
    const outcome = await tested.run()
    expect(outcome.succeeded).toBe(false)
    expect(outcome.reason).toBe(
      'the remote program ended by itself with status 0, so the port will not open any more',
    )
    expect(outcome.seconds).toBeLessThan(20)
  })

  test('one that puts itself into the background does not, and is ended with the pair', async () => {
    const tested = await openGroup(
      await pairOf(
        bash('wait_for_remote_port_open 39473 || exit 9'),
        bash('setsid sh -c "sleep 3; exec python3 -m http.server 39473 --bind 127.0.0.1" &', 'exit 0'),
      ),
    )
    expect(await tested.run()).toMatchObject({ succeeded: true, ends: { remote: { status: 0 } } })
    expect(await processesWith(tested.folders[1]!)).toBe('')
  })

  test('its own failure counts when local is there to see it', async () => {
    const tested = await openGroup(
      await pairOf(bash('wait_for_remote; echo after'), bash('sleep 0.3; exit 4')),
    )
    const outcome = await tested.run()
    expect(outcome).toMatchObject({ succeeded: false, ends: { local: { status: 0 } } })
    expect(outcome.reason).toBe('the remote program ended by itself with status 4')
    expect(await tested.read('l_x_r/local/stdout')).toMatch(/ended\nafter\n$/)
  })

  test('a local program that fails fails the pair', async () => {
    const tested = await openGroup(await pairOf(bash('exit 5'), bash('sleep 30')))
    expect(await tested.run()).toMatchObject({
      succeeded: false,
      reason: 'the local program ended with status 5',
      ends: { local: { status: 5 }, remote: { status: 129 } },
    })
  })

  test('nothing runs longer than the timeout, on either side', async () => {
    const tested = await openGroup(
      await pairOf(bash('trap "" HUP TERM', 'sleep 60 & wait_for_remote; sleep 60'), bash('sleep 60')),
      { limits: { timeoutSeconds: 1 } },
    )
    const outcome = await tested.run()
    expect(outcome).toMatchObject({ succeeded: false, reason: 'it still ran after 1 s (--timeout)' })
    expect(outcome.seconds).toBeLessThan(20)
    for (const folder of tested.folders) expect(await processesWith(folder)).toBe('')
  })

  test('an interruption ends both, marks the pair, and is thrown', async () => {
    const stop = new AbortController()
    const tested = await openGroup(await pairOf(bash('touch begun; sleep 60'), bash('sleep 60')), {
      signal: stop.signal,
    })
    const running = tested.run()
    const ended = expect(running).rejects.toThrow('interrupted by a test')
    await delay(500)
    stop.abort(new Error('interrupted by a test'))
    await ended
    expect(await tested.read('l_x_r/FAILED')).toContain('interrupted')
    await tested.open[Symbol.asyncDispose]()
    for (const folder of tested.folders) {
      expect(existsSync(folder)).toBe(false)
      expect(await processesWith(folder)).toBe('')
    }
  })
})
