/** Why a guest's connection ended in the middle of a measurement: switched off and rebooted are told as that. */
import { ConnectionError, MeasurementError } from '../core/errors.ts'
import type { Identities } from './identities.ts'

/** A VM, as far as it is asked where it is. */
export interface LostGuest {
  readonly name: string
  readonly connected: boolean
  /** What became of it, as far as that can be told. @throws ConnectionError, WaitError when it does not come back */
  whatBecame(bootBefore: string): Promise<string | undefined>
}

/**
 * The error to be thrown for `failure`: it names the guest and what became of it, where a guest was lost and that is known.
 * @param before what the guests were before the measurement
 */
export async function explainLoss(
  failure: unknown,
  guests: readonly LostGuest[],
  before: Identities | undefined,
): Promise<unknown> {
  if (!(failure instanceof ConnectionError)) return failure
  for (const guest of guests) {
    const boot = before?.guests.get(guest.name)?.boot
    if (boot === undefined || guest.connected) continue
    // where it cannot be told the loss itself is what is known
    const [became] = await Promise.allSettled([guest.whatBecame(boot)])
    if (became.status === 'fulfilled' && became.value !== undefined)
      return new MeasurementError(
        `${guest.name} ${became.value} while it was measured (${failure.message})`,
        {
          cause: failure,
        },
      )
  }
  return failure
}
