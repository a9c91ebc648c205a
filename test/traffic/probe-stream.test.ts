/** The stream of packets and the clock beside it, on loopback through a real sshd. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { clockOf } from '../../src/traffic/clock.ts'
import { outageOf, requireQuiet } from '../../src/traffic/outage.ts'
import { startProbes } from '../../src/traffic/probe-stream.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import type { TrafficEnd } from '../../src/machine/traffic-end.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import { type TestSshd, startSshd } from '../helpers/sshd.ts'

let sshd: TestSshd
let host: SshHost
let machine: TrafficEnd
const { signal } = new AbortController()

beforeAll(async () => {
  sshd = await startSshd()
  host = await connectHost(sshd.address)
  machine = { name: host.name, ssh: host }
})
afterAll(async () => {
  await host.close()
  await sshd[Symbol.asyncDispose]()
})

test('a clock that is this one is as far ahead as its doubt at most', async () => {
  const { aheadMs, doubtMs } = await clockOf(machine, signal)
  expect(doubtMs).toBeGreaterThan(0)
  expect(doubtMs).toBeLessThan(2000)
  expect(Math.abs(aheadMs)).toBeLessThanOrEqual(doubtMs + 2) // the controller's own clock counts from two readings
})

test('packets are told as they are answered, until they are ended', async () => {
  const runId = `probes-${process.pid}`
  const stream = startProbes(machine, { address: '127.0.0.1', runId, signal })
  const began = Date.now()
  await stream.until('a hundred answers', ({ answers }) => answers.length >= 100, 20_000)
  const { answers } = stream.probes
  expect(answers.map(({ sequence }) => sequence).slice(0, 3)).toEqual([1, 2, 3])
  expect(answers[0]!.atMs).toBeGreaterThan(began - 1000)
  expect(answers.at(-1)!.atMs - answers[0]!.atMs, '5 ms between two').toBeGreaterThan(400)
  expect(requireQuiet({ answers, silences: [] }, 100)).toBeUndefined()
  const middle = answers[50]!.atMs
  expect(
    outageOf({ answers, silences: [] }, { plantedMs: middle, mendedMs: middle, clockMs: 0 }),
  ).toMatchObject({
    outageMs: 0,
    lost: 0,
    over: true,
  })
  await stream.stop()
  expect(stream.text).toContain('icmp_seq=100 ')
  const { stdout } = await tryLocally([
    'sh',
    '-c',
    `grep -lz DPBENCH_RUN=${runId} /proc/[0-9]*/environ 2>/dev/null`,
  ])
  expect(stdout, 'processes of it').toBe('')
})

test('a ping that ends says so at once, and one that is not answered at its deadline', async () => {
  const options = { runId: 'x', signal }
  const nowhere = startProbes(machine, { ...options, address: 'no.such.host.invalid' })
  await expect(nowhere.until('an answer', () => false, 20_000)).rejects.toThrow(
    /^test-host: ping no\.such\.host\.invalid ended before an answer: ping: .*no\.such\.host\.invalid/,
  )
  const stream = startProbes(machine, { ...options, address: '127.0.0.1' })
  await expect(stream.until('the path carries packets', () => false, 500)).rejects.toThrow(
    'test-host: the path carries packets: not within 1 s (ping 127.0.0.1)',
  )
  await stream.stop()
})
