/** `dpbench guest`: work with disposable VMs. */
import { UsageError } from '../src/core/errors.ts'
import { suggest } from '../src/core/suggest.ts'
import { guestContainer, guestContainerHelp } from './guest-container.ts'
import { guestConfig, guestConfigHelp, guestImage, guestImageHelp } from './guest-kernel.ts'
import { guestRun, guestRunHelp } from './guest-run.ts'

interface Action {
  run(argv: readonly string[]): Promise<number>
  readonly help: string
}

const actions: Readonly<Record<string, Action>> = {
  run: { run: guestRun, help: guestRunHelp },
  container: { run: guestContainer, help: guestContainerHelp },
  image: { run: guestImage, help: guestImageHelp },
  config: { run: guestConfig, help: guestConfigHelp },
}

export const guestHelp = Object.values(actions)
  .map(({ help }) => help)
  .join('\n\n')

export async function guest(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv
  const action = name === undefined || !Object.hasOwn(actions, name) ? undefined : actions[name]
  if (action) return action.run(rest)
  const known = Object.keys(actions)
  const near = name === undefined ? undefined : suggest(name, known)
  const meant = near === undefined ? `use ${known.join(', ')}` : `did you mean ${near}?`
  throw new UsageError(
    name === undefined ? `dpbench guest: ${meant}` : `dpbench guest has no ${name}: ${meant}`,
  )
}
