/** Takes down the labs that the end-to-end tests share, after the last of them. Tests that need none cost nothing. */
import { labDown } from '../../lab/lab.ts'
import { labNames } from '../../lab/state/state.ts'
import { testLabName } from '../lab/support.ts'

/** The lab that the tests of one worker share. */
export const sharedLabName = (worker: number | string): string => testLabName(`e2e${worker}`)

export default function shareLabs(): () => Promise<void> {
  return async () => {
    for (const name of await labNames()) {
      const worker = /^t-e2e(\d+)-/.exec(name)?.[1]
      if (worker !== undefined && name === sharedLabName(worker)) await labDown(name)
    }
  }
}
