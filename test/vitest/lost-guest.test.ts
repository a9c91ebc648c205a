/** What is said of a guest whose connection ended while it was measured. */
import { expect, test } from 'vitest'
import { ConnectionError, MeasurementError } from '../../src/core/errors.ts'
import type { Identities } from '../../src/vitest/identities.ts'
import { type LostGuest, explainLoss } from '../../src/vitest/lost-guest.ts'

const before: Identities = {
  dataplane: 'up',
  guests: new Map(['vm3', 'vm1'].map((name) => [name, { boot: `boot of ${name}`, nic: undefined }])),
}
const lost = new ConnectionError('vm1: the SSH connection to root@10.0.0.1:22 was lost')

function guest(name: string, became?: string | Error): LostGuest {
  return {
    name,
    connected: name !== 'vm1',
    async whatBecame(boot) {
      expect(boot).toBe(`boot of ${name}`)
      if (became instanceof Error) throw became
      return became
    },
  }
}

test.each(['was switched off', 'rebooted'])(
  'a guest that %s is told as that, with the loss',
  async (became) => {
    const error = await explainLoss(lost, [guest('vm3', 'is not asked'), guest('vm1', became)], before)
    expect(error).toBeInstanceOf(MeasurementError)
    expect(error).toMatchObject({
      message: `vm1 ${became} while it was measured (${lost.message})`,
      cause: lost,
    })
  },
)

test('one whose connection alone was lost, and one that does not come back, are told as lost', async () => {
  expect(await explainLoss(lost, [guest('vm1')], before)).toBe(lost)
  expect(await explainLoss(lost, [guest('vm1', new ConnectionError('no answer'))], before)).toBe(lost)
  expect(await explainLoss(lost, [guest('vm1', 'rebooted')], undefined)).toBe(lost)
})

test('any other failure stays what it is', async () => {
  const other = new MeasurementError('no way')
  expect(await explainLoss(other, [guest('vm1', 'rebooted')], before)).toBe(other)
})
