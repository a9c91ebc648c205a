import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { labDown, labStatus } from '../../lab/lab.ts'
import { waitFor } from '../../src/core/wait.ts'
import { machineSnapshot, testLabName, whyNoLab } from './support.ts'

const name = testLabName('kill')
const command = ['bin/dpbench.ts', 'lab', 'up', '--name', name, '--guests', 'namespace']

/** Node itself takes a moment to start, longer on a busy machine: until then nobody could handle a signal. */
async function labIsBegun(): Promise<void> {
  await waitFor(
    async () => ((await labStatus(name)).length > 0 ? { state: 'ready', value: true } : { state: 'pending' }),
    { what: 'lab up to begin', timeoutMs: 20_000, intervalMs: 10, maxIntervalMs: 10 },
  )
}

/**
 * Starts `lab up` and sends it `signal` so long after `from` has come; returns its exit code, or the signal that ended
 * it.
 */
async function interrupted(
  signal: NodeJS.Signals,
  afterMs: number,
  from: () => Promise<void> = () => Promise.resolve(),
): Promise<number | string> {
  const child = spawn(process.execPath, command, { stdio: 'ignore' })
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>
  await from()
  await Promise.race([delay(afterMs), ended])
  child.kill(signal)
  const [code, endSignal] = await ended
  return code ?? endSignal ?? 'nothing'
}

// The moments spread over the two to three seconds that a lab takes to come up.
describe.skipIf(whyNoLab.length > 0)('lab up, interrupted', { timeout: 180_000 }, () => {
  afterAll(() => labDown(name), 180_000)

  test.each([200, 400, 600, 800, 1000, 1200, 1500, 1800, 2200, 2600])(
    'by SIGKILL after %i ms',
    async (afterMs) => {
      const before = await machineSnapshot(name)
      await interrupted('SIGKILL', afterMs)
      await labDown(name)
      expect(await machineSnapshot(name)).toEqual(before)
    },
  )

  test.each([
    ['SIGINT', 0, 130],
    ['SIGINT', 700, 130],
    ['SIGTERM', 300, 143],
    ['SIGTERM', 1000, 143],
  ] as const)(
    'by %s %i ms into it: it takes down what it made and exits with %i',
    async (signal, afterMs, status) => {
      const before = await machineSnapshot(name)
      expect(await interrupted(signal, afterMs, labIsBegun)).toBe(status)
      expect(await machineSnapshot(name)).toEqual(before)
    },
  )

  test('lab down refuses while lab up works, and names its process', async () => {
    const child = spawn(process.execPath, command, { stdio: 'ignore' })
    const ended = once(child, 'exit')
    try {
      await labIsBegun()
      await expect(labDown(name)).rejects.toThrow(`Process ${child.pid} is bringing`)
    } finally {
      child.kill('SIGTERM')
      await ended
    }
  })
})
