/** What scripts written for mirage-bench find: functions, variables, REMOTE_PID, SSH_EXEC; and programs in PATH for others. */
import { describe, expect, test } from 'vitest'
import { bash, groupOf, openGroup } from './support.ts'

const server = (port: number, seconds = 30) =>
  bash(`exec timeout ${seconds} python3 -m http.server ${port} --bind 127.0.0.1`)

const lines = (text: string) => text.trimEnd().split('\n')

describe('helpers', { timeout: 60_000 }, () => {
  test('ports open and close, by functions in bash and by programs elsewhere', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': `#!/bin/sh
wait_for_remote_port_open 39481 || exit 1
wait_for_remote_port_open 39481 || exit 2
kill_remote || exit 3
wait_for_remote_port_close 39481 || exit 4
wait_for_remote || exit 5
say_info "all\\twell"; say_warning one two; say_error no; echo "and on: $?"
`,
        'remote/r': server(39_481),
      }),
    )
    const outcome = await tested.run()
    expect(outcome).toMatchObject({
      succeeded: true,
      remoteByItself: false,
      ends: { remote: { status: 129 } },
    })
    expect(lines(await tested.read('l_x_r/local/stdout')).slice(-4)).toEqual([
      '# INFO: all\twell',
      '# WARNING: one two',
      '# FATAL: no',
      'and on: 255',
    ])
  })

  test('in bash they are functions: say_error ends the script, and PORT keeps the port', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash(
          'for f in wait_for_remote kill_remote wait_for_remote_port_open wait_for_remote_port_close say_info say_warning say_error; do echo $(type -t $f); done | uniq -c',
          'wait_for_remote_port_open 39482; echo "port $PORT"; kill_remote',
          'wait_for_remote_port_close && echo closed',
          'say_error "that is all"; echo never',
        ),
        'remote/r': server(39_482),
      }),
    )
    const outcome = await tested.run()
    expect(outcome).toMatchObject({ succeeded: false, ends: { local: { status: 255 } } })
    const said = await tested.read('l_x_r/local/stdout')
    expect(said).toMatch(/^ +7 function\n/)
    expect(said).toContain('port 39482\n')
    expect(said).toMatch(/closed\n# FATAL: that is all\n$/)
  })

  test('REMOTE_PID lives as long as the remote program, and a signal to it is one to that', async () => {
    const alive = 'kill -0 $REMOTE_PID 2>/dev/null && echo alive || echo gone'
    const tested = await openGroup(
      await groupOf({
        'local/l': bash(
          `${alive}; kill $REMOTE_PID; while kill -0 $REMOTE_PID 2>/dev/null; do sleep 0.1; done; wait_for_remote; ${alive}`,
        ),
        'local/m': bash(
          `wait_for_remote; while kill -0 $REMOTE_PID 2>/dev/null; do sleep 0.1; done; ${alive}`,
        ),
        'remote/r': bash('trap "echo hup; exit 0" HUP', 'sleep 1 & wait'),
      }),
    )
    const killed = await tested.run()
    expect(killed).toMatchObject({ succeeded: true, remoteByItself: false })
    expect(lines(await tested.read('l_x_r/local/stdout'))).toMatchObject({ 0: 'alive', 3: 'gone' })
    expect(await tested.read('l_x_r/remote/stdout')).toBe('hup\n')
    const waited = await tested.open.run({ local: 'm', remote: 'r', name: 'm_x_r' })
    expect(waited).toMatchObject({ succeeded: true, remoteByItself: true })
    expect(lines(await tested.read('m_x_r/local/stdout')).at(-1)).toBe('gone')
  })

  test('SSH_EXEC runs commands on the remote machine: words, status, streams, bytes both ways', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash(
          '${SSH_EXEC} "echo on $DPBENCH_REMOTE; false | true" || echo "pipefail $?"',
          "${SSH_EXEC} 'echo err >&2; exit 7'; echo $?",
          'head -c 300000 /dev/urandom > bytes; cat bytes | ${SSH_EXEC} "cat > $REMOTE_RESULTS_PATH/copy; cat $REMOTE_RESULTS_PATH/copy" > back',
          'cmp bytes back && echo same',
          '${SSH} -p 22 $REMOTE_USER@$REMOTE_HOST echo by ssh',
          '${SSH_EXEC} "sleep 60" & sleep 0.5; kill $!; wait $!; echo "killed $?"',
        ),
        'remote/r': bash('sleep 60'),
      }),
    )
    expect(await tested.run()).toMatchObject({ succeeded: true })
    expect(lines(await tested.read('l_x_r/local/stdout'))).toEqual([
      'on there',
      'pipefail 1',
      '7',
      'same',
      'by ssh',
      'killed 143',
    ])
    expect(await tested.read('l_x_r/local/stderr')).toBe('err\n')
    expect((await tested.list('l_x_r/remote')).includes('copy')).toBe(true)
  })

  test('a port that never opens is given up on, and a port that is none is refused', async () => {
    const tested = await openGroup(
      await groupOf({
        'local/l': bash(
          'wait_for_remote_port_open 39483; echo "status $?"',
          'wait_for_remote_port_open 70000; echo "status $?"',
          'wait_for_remote_port_open x; echo "status $?"',
          'unset PORT; wait_for_remote_port_close; echo "status $?"',
        ),
        'remote/r': bash('sleep 60'),
      }),
      { limits: { portSeconds: 1 } },
    )
    expect(await tested.run()).toMatchObject({ succeeded: true })
    expect(
      lines(await tested.read('l_x_r/local/stdout')).filter((line) => line.startsWith('status')),
    ).toEqual(['status 1', 'status 2', 'status 2', 'status 2'])
    const complaints = await tested.read('l_x_r/local/stderr')
    expect(complaints).toContain('port 39483 of there is still closed after 1 s (--port-timeout)')
    expect(complaints).toContain('70000 is no port: 1 to 65535')
    expect(complaints).toContain('"x" is no port: write wait_for_remote_port_open 5000')
  })

  test('variables as mirage-bench names them, and those of the run; the environment reaches hooks and both sides', async () => {
    const print =
      'env | grep -E "^(TEST_NAME|RESULTS_TAG|REMOTE_(HOST|USER|PORT)|UNIKERNEL_IP1|DPBENCH_(LOCAL|REMOTE|PAIR))=" | sort > variables; [ "$PWD" = "$WANTED" ] || pwd'
    const folder = await groupOf({
      'local/l': bash(
        `WANTED=$LOCAL_RESULTS_PATH`,
        print,
        '[ "$0" = "$LOCAL_TEST_ROOT_PATH/local/l" ] || echo "$0"',
      ),
      'remote/r': bash(
        `WANTED=$REMOTE_RESULTS_PATH`,
        print,
        '[ "$0" = "$REMOTE_TEST_ROOT_PATH/remote/r" ] || echo "$0"',
      ),
      before_first_test_local: bash('WANTED=$LOCAL_RESULTS_ROOT_PATH', print),
    })
    const tested = await openGroup(folder, { variables: { UNIKERNEL_IP1: '10.0.0.1 and more' } })
    expect(await tested.open.before()).toMatchObject([{ hook: 'before_first_test_local', fault: undefined }])
    expect(await tested.run()).toMatchObject({ succeeded: true })
    const common = [
      'REMOTE_HOST=127.0.0.1',
      'REMOTE_PORT=22',
      'REMOTE_USER=root',
      'RESULTS_TAG=tagged',
      'TEST_NAME=group',
      'UNIKERNEL_IP1=10.0.0.1 and more',
    ]
    const both = ['DPBENCH_LOCAL=here', 'DPBENCH_PAIR=l_x_r', 'DPBENCH_REMOTE=there', ...common]
    for (const side of ['local', 'remote']) {
      expect(lines(await tested.read(`l_x_r/${side}/variables`))).toEqual(both)
      expect(await tested.read(`l_x_r/${side}/stdout`)).toBe('')
    }
    expect(lines(await tested.read('variables'))).toEqual(both.filter((line) => !line.includes('PAIR')))
    expect(await tested.read('before_first_test_local.stdout')).toBe('')
  })
})
