import { expect, test } from 'vitest'
import { describeTrouble, kernelTrouble } from '../../src/machine/kernel-trouble.ts'

/** Of real kernels, 5.10 to 6.12, x86 and arm64, as consoles and dmesg show them. */
const texts = {
  panic: [
    '[   41.103021] Kernel panic - not syncing: sysrq triggered crash',
    '[   41.103021] CPU: 1 PID: 389 Comm: sh Not tainted 6.1.0-40-cloud-amd64 #1',
  ],
  oops: [
    '[  199.301187] BUG: kernel NULL pointer dereference, address: 0000000000000008',
    '[  199.301190] #PF: supervisor write access in kernel mode',
    '[  199.301195] Oops: 0002 [#1] PREEMPT SMP NOPTI',
    '[  199.301399] ---[ end trace 0000000000000000 ]---',
  ],
  'oops ': [
    '[    9.1] general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1] PREEMPT SMP',
  ],
  'oops  ': ['[   23.441960] Internal error: Oops: 0000000096000045 [#1] PREEMPT SMP'],
  'oops   ': ['kernel BUG at mm/slub.c:4023!'],
  'oops    ': ['[   31.5][  T441] BUG: KASAN: use-after-free in tcp_v4_rcv+0x10/0x20'],
  'out of memory': [
    '[  871.551277] Out of memory: Killed process 612 (iperf3) total-vm:1048576kB, anon-rss:901232kB, file-rss:4kB',
  ],
  'out of memory ': [
    '[  871.440016] stress-ng-vm invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0',
  ],
  'soft lockup': ['[  164.012345] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [iperf3:733]'],
  'soft lockup ': ['watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [swapper/0:1]'],
  'hard lockup': ['<0>[  88.2] NMI watchdog: Watchdog detected hard LOCKUP on cpu 3'],
  'hung task': ['[  242.812345] INFO: task kworker/0:2:98 blocked for more than 120 seconds.'],
  'RCU stall': ['[   60.121212] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:'],
  'RCU stall ': ['[   60.121212] rcu: INFO: rcu_sched self-detected stall on CPU'],
}

test.for(Object.entries(texts))('%s is seen, with its lines', ([kind, lines]) => {
  const before = ['[    1.0] Linux version 6.1.0', 'Debian GNU/Linux 12 vm1 ttyS0', '']
  const found = kernelTrouble([...before, ...lines, ''].join('\r\n'))
  expect(found).toEqual([{ kind: kind.trim(), lines }])
})

test('an oops that becomes a panic is told as both, and lines after a trace are not of it', () => {
  const panic = '[  199.4] Kernel panic - not syncing: Fatal exception'
  const text = [...texts.oops, '[  199.35] systemd[1]: Started x.service.', panic].join('\n')
  expect(kernelTrouble(text)).toEqual([
    { kind: 'oops', lines: texts.oops },
    { kind: 'panic', lines: [panic] },
  ])
})

test.for([
  '[    0.5] Kernel command line: panic=-1 oops=panic softlockup_panic=1',
  '[    0.6] rcu: Hierarchical RCU implementation.',
  '[    0.7] rcu: \tRCU CPU stall warnings timeout set to 21 (rcu_cpu_stall_timeout).',
  '[    1.1] NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.',
  'root@vm1:~# echo "Kernel panic - not syncing: a joke"',
  'root@vm1:~# dmesg | grep "BUG: soft lockup - CPU#1 stuck for"',
  '[  OK  ] Reached target panic.target',
  '[   12.0] audit: invoked by oom-killer-test',
])('no trouble: %s', (line) => {
  expect(kernelTrouble(`${line}\n`)).toEqual([])
})

test('behind a prompt, whose line has no end yet', () => {
  const line = '[   12.345678] Kernel panic - not syncing: sysrq triggered crash'
  expect(kernelTrouble(`vm1 login: ${line}\n`)).toEqual([{ kind: 'panic', lines: [line] }])
})

test('a trace is bounded', () => {
  const lines = Array.from({ length: 200 }, (_, index) => `[   41.2] line ${index}`)
  expect(kernelTrouble([...texts.panic, ...lines].join('\n'))[0]!.lines).toHaveLength(30)
})

test('the sentence names the machine and has the lines', () => {
  const text = describeTrouble('vm2', kernelTrouble(texts['soft lockup'].join('\n')))
  expect(text).toBe(`vm2: its kernel reports trouble (soft lockup):\n  ${texts['soft lockup'][0]}`)
})
