import { describe, expect, test } from 'vitest'
import { complaints, faultKindOf, findFault } from '../../src/guest-run/console-faults.ts'
import { runHere } from './support/run-here.ts'

describe('what ends a run', () => {
  test.each([
    ['panic', '[   12.345678] Kernel panic - not syncing: sysrq triggered crash'],
    ['panic', 'Kernel panic - not syncing: No working init found.'],
    ['oops', '[    3.5] BUG: kernel NULL pointer dereference, address: 0000000000000008'],
    ['oops', '[    3.5][  T123] BUG: KASAN: slab-out-of-bounds in foo+0x1/0x2'],
    ['oops', '<1>[    3.5] Oops: 0002 [#1] PREEMPT SMP'],
    ['oops', '[    3.5] kernel BUG at mm/slub.c:419!'],
    ['oops', '[    3.5] general protection fault, probably for non-canonical address'],
    ['lock-up', '[   40.1] watchdog: Watchdog detected hard LOCKUP on cpu 0'],
  ])('%s: %s', (kind, line) => {
    expect(faultKindOf(line)).toBe(kind)
  })

  test.each([
    // as Debian's 6.1 says them under emulation, when the machine does other things
    '[   45.216] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
    '[   45.216] rcu: INFO: rcu_sched self-detected stall on CPU',
    '[   45.216] rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... }',
    '[   45.216] rcu: rcu_preempt kthread starved for 5250 jiffies! g-779 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=0',
    '[   60.004] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [swapper/1:0]',
    '[   60.004] BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!',
    '[  242.668] INFO: task mkfs.ext4:214 blocked for more than 120 seconds.',
    '[    1.0] WARNING: CPU: 0 PID: 1 at kernel/foo.c:1 foo+0x1/0x2',
    'BUG: said by a script',
  ])('not: %s', (line) => {
    expect(faultKindOf(line)).toBeUndefined()
  })

  test('the panic that follows an oops', () => {
    const lines = ['[    1.0] Oops: 0002 [#1]', '[    1.1] Kernel panic - not syncing: Fatal exception']
    expect(findFault(lines)).toEqual({ kind: 'panic', line: 1 })
  })
})

test('behind what a program printed without an end of its line', () => {
  expect(faultKindOf('copying 12 %[   12.345678] Kernel panic - not syncing: Fatal exception')).toBe('panic')
})

test('complaints are told once each, and not without end', () => {
  const lines = [1, 1, 2, 3, 4, 5, 6, 7].map((n) => `[    ${n}.0] WARNING: CPU: ${n} PID: 1 at a.c:${n}`)
  const notes = complaints(lines)
  expect(notes).toHaveLength(6)
  expect(notes[0]).toBe('the kernel complained and went on: WARNING: CPU: 1 PID: 1 at a.c:1')
  expect(notes[5]).toContain('2 times more')
})

const stalled = 'echo "[   45.2] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"'

test('a run that comes back from a stall succeeds, and the stall is a note', async () => {
  const { record } = await runHere(`${stalled}\nsleep 0.5\necho TEST SUCCESS`)
  expect(record.verdict.outcome).toBe('success')
  expect(record.notes).toContainEqual(expect.stringContaining('rcu_preempt detected stalls'))
})

test('a run that does not has locked up', async () => {
  const { record } = await runHere(`#!/bin/sh\n# MEM=128M\n# TIMEOUT=1s\n${stalled}\nsleep 60`)
  expect(record.verdict.outcome).toBe('lock-up')
  expect(record.verdict.sentence).toBe(
    'the kernel locked up, and nothing ended it within 1 s: rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
  )
})
