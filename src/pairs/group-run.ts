/** A group from its first hook to its last: every pair, and what it came to. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PairNames } from './group.ts'
import { type GroupOptions, type HookOutcome, OpenGroup } from './open-group.ts'
import { type PairOutcome, notRun } from './pair.ts'
import { type GroupOutcome, outcomeJson } from './summary.ts'

export interface GroupRunOptions extends GroupOptions {
  /** A hook that fails is a failure: when it comes before the first pair, none is run. */
  readonly strict: boolean
  readonly onHook: (outcome: HookOutcome) => void
  readonly onPair: (outcome: PairOutcome) => void
  /** Once, however it ends: what was found until then. */
  readonly onEnd: (outcome: GroupOutcome) => void
}

/**
 * Runs all of it. When a machine fails, what was found until then is written, and the rest is not run.
 * @throws CommandError, ConnectionError; the signal's reason
 */
export async function runGroup(options: GroupRunOptions): Promise<void> {
  const { group, strict, onHook, onPair } = options
  const hooks: HookOutcome[] = []
  const pairs: PairOutcome[] = []
  const tellHooks = (outcomes: readonly HookOutcome[]): void => {
    hooks.push(...outcomes)
    for (const each of outcomes) onHook(each)
  }
  let waiting: readonly PairNames[] = group.pairs
  try {
    await using open = await OpenGroup.open(options)
    tellHooks(await open.before())
    if (strict && hooks.some(({ fault }) => fault !== undefined)) return
    for (const pair of group.pairs) {
      waiting = waiting.slice(1)
      const outcome = await open.run(pair).catch((error: unknown) => {
        pairs.push(notRun(pair, error))
        onPair(pairs.at(-1)!)
        throw error
      })
      pairs.push(outcome)
      onPair(outcome)
    }
    tellHooks(await open.after())
  } finally {
    const outcome = outcomeOf(options, hooks, pairs, waiting)
    options.onEnd(outcome)
    await mkdir(options.results, { recursive: true })
    await writeFile(join(options.results, 'pairs.json'), outcomeJson(outcome))
  }
}

/** The hooks after the last pair, on results that are there. @throws as runGroup does */
export async function runHooksAfter(
  options: Pick<GroupRunOptions, 'onHook'> & GroupOptions,
): Promise<readonly HookOutcome[]> {
  await using open = await OpenGroup.open(options)
  const outcomes = await open.after()
  for (const each of outcomes) options.onHook(each)
  return outcomes
}

function outcomeOf(
  { group, machines, tag }: GroupOptions,
  hooks: readonly HookOutcome[],
  pairs: readonly PairOutcome[],
  waiting: readonly PairNames[],
): GroupOutcome {
  const names = { local: machines.local.name, remote: machines.remote.name }
  return { group, machines: names, tag, hooks, pairs, notRun: waiting }
}
