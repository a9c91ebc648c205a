/** Takes down the labs that the end-to-end tests share, after the last of them. Tests that need none cost nothing. */
import { labDown } from '../../lab/lab.ts'
import type { GuestKind } from '../../lab/options.ts'
import { labNames } from '../../lab/state/state.ts'
import { testLabName } from '../lab/support.ts'

/** The lab that the tests of one worker share: one with namespace guests, one with emulated ones. */
export const sharedLabName = (worker: number | string, guests: GuestKind = 'namespace'): string =>
  testLabName(`${guests === 'qemu' ? 'vms' : 'e2e'}${worker}`)

export default function shareLabs(): () => Promise<void> {
  return async () => {
    for (const name of await labNames()) {
      const [, kind, worker] = /^t-(e2e|vms)(\d+)-/.exec(name) ?? []
      if (worker !== undefined && name === sharedLabName(worker, kind === 'vms' ? 'qemu' : 'namespace'))
        await labDown(name)
    }
  }
}
