/** The sampler through a real sshd: what it counts, and that nothing of it is left. */
import { readFile, readdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitFor } from '../../../src/core/wait.ts'
import { type Sampler, startSampler } from '../../../src/machine/counters/sampler.ts'
import { connectHost } from '../../../src/transport/ssh/connect.ts'
import type { SshHost } from '../../../src/transport/ssh/ssh-host.ts'
import { type TestSshd, startSshd } from '../../helpers/sshd.ts'

let sshd: TestSshd
let host: SshHost

beforeAll(async () => {
  sshd = await startSshd()
  host = await connectHost(sshd.address)
})
afterAll(async () => {
  await host.close()
  await sshd[Symbol.asyncDispose]()
})

/** The samplers that the test's own sshd runs. */
async function samplers(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const ours = pids.map(async (pid) => {
    const [command, environment] = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')), // ended meanwhile
    )
    return command!.includes('part ready') && environment!.includes(` ${sshd.address.port}\0`) ? [pid] : []
  })
  return (await Promise.all(ours)).flat()
}

async function expectNone(): Promise<void> {
  await waitFor(
    async () => {
      const left = await samplers()
      return left.length === 0
        ? { state: 'ready', value: undefined }
        : { state: 'pending', seen: left.join(', ') }
    },
    { what: 'samplers to end', timeoutMs: 5000 },
  )
}

test('a busy second shows, the series has a point for it, and the process is gone', async () => {
  const begun = Date.now()
  const sampler = await startSampler(host, { mostSeconds: 30 })
  expect(await samplers()).toHaveLength(1)
  await host.tryRun(['timeout', '2.2', 'sh', '-c', 'while :; do :; done'])
  const { use, series } = await sampler.end()
  const took = (Date.now() - begun) / 1000
  expect(use.seconds).toBeGreaterThan(2.2)
  expect(use.seconds).toBeLessThan(took + 0.02)
  for (const { busy, user, system, softirq, irq, steal } of use.cores) {
    expect(busy).toBeCloseTo(user + system + softirq + irq + steal, 2)
    expect(busy).toBeLessThanOrEqual(1)
  }
  expect(Math.max(...use.cores.map(({ busy }) => busy))).toBeGreaterThan(0.2)
  expect(use.softirqs['TIMER']).toBeGreaterThan(0)
  expect(series!.startMs).toBeGreaterThanOrEqual(begun)
  expect(series!.points.length).toBeGreaterThanOrEqual(2)
  expect(series!.points.every((point) => point.length === 1 + use.cores.length)).toBe(true)
  await expectNone()
})

test('after its most points it ends by itself, with both readings', async () => {
  const sampler = await startSampler(host, { mostSeconds: 1 })
  await expectNone()
  const { series } = await sampler.end()
  expect(series!.points).toHaveLength(1)
})

test('it ends with the connection, and with the run that is cancelled', async () => {
  const other = await connectHost(sshd.address)
  const lost = await startSampler(other, { mostSeconds: 60 })
  const cancelled = new AbortController()
  const stopped = await startSampler(host, { mostSeconds: 60, signal: cancelled.signal })
  expect(await samplers()).toHaveLength(2)
  cancelled.abort()
  await other.close()
  await expectNone()
  await expect(lost.end()).rejects.toThrow()
  await stopped.stop()
})

test('a machine without Bash has both readings and no series', async () => {
  const without = new Proxy(host, {
    get: (target, key: keyof SshHost) =>
      key === 'tryRun'
        ? (argv: string[], options: object) =>
            target.tryRun(
              argv.map((each) => each.replace('command -v bash', 'command -v no-such-shell')),
              options,
            )
        : Reflect.get(target, key),
  })
  const sampler: Sampler = await startSampler(without, { mostSeconds: 30 })
  await delay(100) // something to count
  const { use, series } = await sampler.end()
  expect(series).toBeUndefined()
  expect(use.seconds).toBeGreaterThan(0.09)
  expect(use.cores.length).toBeGreaterThan(0)
})

test('a machine that cannot be read says why', async () => {
  const broken = { tryRun: () => host.tryRun(['sh', '-c', 'echo no such thing >&2; exit 3']) }
  await expect(startSampler(broken, { mostSeconds: 1 })).rejects.toThrow(
    'its counters cannot be read: no such thing',
  )
})
