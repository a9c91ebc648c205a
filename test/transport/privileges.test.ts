/** What sudo and the kernel say, as recorded (sudo 1.9.13 of Debian 12, dash, bash), and what a person is told. */
import { expect, test } from 'vitest'
import type { CommandResult } from '../../src/core/command-result.ts'
import { rootNeeded, socketHint, sudoRefusal } from '../../src/transport/ssh/privileges.ts'

const bench = { name: 'h1', user: 'bench' }
const ended = (stderr: string, exitCode = 1, argv: readonly string[] = ['virsh', 'list']): CommandResult => ({
  host: 'h1',
  argv,
  exitCode,
  signal: null,
  stdout: '',
  stderr,
  durationMs: 1,
  timedOut: false,
})

test.each([
  [
    'sudo: a password is required',
    1,
    /^h1: sudo asks bench for a password, so this did not run as root: virsh list; allow it/,
  ],
  ['sudo: sorry, you must have a tty to run sudo', 1, /sudo wants a terminal .*!requiretty/],
  ['bench is not in the sudoers file.  This incident has been reported.', 1, /bench may not use sudo/],
  [
    "Sorry, user bench is not allowed to execute '/usr/bin/virsh list' as root on h1.",
    1,
    /does not allow bench this command/,
  ],
  ['sh: 1: exec: sudo: not found', 127, /there is no sudo, .*install sudo there, then allow it/],
  ['sh: line 1: exec: sudo: not found', 127, /there is no sudo/],
  [
    'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.',
    1,
    /sudo cannot become root/,
  ],
])('%s', (said, code, sentence) => {
  const refusal = sudoRefusal(ended(`${said}\n`, code), bench)
  expect(refusal).toMatchObject({ code: 'DPBENCH_PRIVILEGE', exitCode: 3, said })
  expect(refusal?.message).toMatch(sentence)
})

test.each([
  ['sudo: virsh: command not found', 1],
  ['sudo: unable to resolve host h1: Name or service not known', 1],
  ["error: failed to get domain 'x'", 1],
  ['sudo: a password is required', 0],
  ['', 1],
])('a command that ran: %s (%i)', (said, code) => {
  expect(sudoRefusal(ended(said, code), bench)).toBeUndefined()
})

test('without sudo: the command and the way out, for who is not root', () => {
  const denied = ended('cat: /etc/shadow: Permission denied')
  expect(rootNeeded(denied, bench)?.message).toMatch(
    /^h1: bench may not do this, which needs root: virsh list; take "sudo": false out/,
  )
  expect(rootNeeded(denied, { name: 'h1', user: 'root' })).toBeUndefined()
  expect(rootNeeded(ended('no such file'), bench)).toBeUndefined()
})

test('a script is named by its beginning, and a socket says who may open it', () => {
  const script = ended('sudo: a password is required', 1, ['sh', '-c', `set -e\n${'echo long\n'.repeat(99)}`])
  expect(sudoRefusal(script, bench)?.message).toMatch(/root: sh -c 'set -e echo long .{20,110}…; allow it/)
  expect(socketHint('bench')).toContain('usermod -aG docker bench')
  expect(socketHint('root')).not.toContain('usermod')
})
