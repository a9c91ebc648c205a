import { expect, test } from 'vitest'
import { waitFor } from '../../src/core/wait.ts'

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
  )

test('what was seen is shown at the deadline, not that the last look was cut short by it', async () => {
  let looks = 0
  const probe = (signal: AbortSignal): Promise<{ state: 'pending'; seen: string }> =>
    looks++ === 0 ? Promise.resolve({ state: 'pending', seen: 'it is starting' }) : aborted(signal)
  await expect(waitFor(probe, { what: 'the thing', timeoutMs: 200 })).rejects.toThrow(
    /^waited 0\.\d s for the thing; last seen: it is starting$/,
  )
})

test('a first look that was cut short is shown; one that throws is pending, with its reason', async () => {
  await expect(waitFor(aborted, { what: 'the thing', timeoutMs: 100 })).rejects.toThrow(/timeout/)
  const probe = (): Promise<never> => Promise.reject(new Error('no such file'))
  await expect(waitFor(probe, { what: 'the thing', timeoutMs: 100 })).rejects.toThrow(
    /last seen: no such file/,
  )
})
