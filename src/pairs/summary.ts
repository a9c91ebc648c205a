/** What a group came to: for people, for `pairs.json`, and as a number. */
import { escaped } from '../core/escape.ts'
import type { HookOutcome } from './open-group.ts'
import type { Group, PairNames, Side } from './group.ts'
import type { PairOutcome } from './pair.ts'

export interface GroupOutcome {
  readonly group: Group
  readonly machines: Readonly<Record<Side, string>>
  readonly tag: string
  readonly hooks: readonly HookOutcome[]
  readonly pairs: readonly PairOutcome[]
  /** Those that nothing was begun of. */
  readonly notRun: readonly PairNames[]
}

export function hasFailed({ pairs, notRun }: Pick<GroupOutcome, 'pairs' | 'notRun'>): boolean {
  return notRun.length > 0 || pairs.some(({ succeeded }) => !succeeded)
}

/** `SUCCESS  client_x_server  1.2 s: …` */
export function pairLine({ pair, succeeded, reason, seconds }: PairOutcome): string {
  return `${succeeded ? 'SUCCESS' : 'FAILED '}  ${escaped(pair.name)}  ${seconds.toFixed(1)} s: ${reason}`
}

/** `hook before_first_test_local  1.2 s: it ended with status 1` */
export function hookLine({ hook, fault, seconds }: HookOutcome): string {
  return `hook     ${hook}  ${seconds.toFixed(1)} s: ${fault ?? 'it ended with status 0'}`
}

/** `3 pairs: 2 succeeded, 1 failed` */
export function countsLine(outcomes: readonly Pick<GroupOutcome, 'pairs' | 'notRun' | 'hooks'>[]): string {
  const pairs = outcomes.flatMap((each) => each.pairs)
  const notRun = outcomes.flatMap((each) => each.notRun).length
  const succeeded = pairs.filter((each) => each.succeeded).length
  const hooks = outcomes.flatMap((each) => each.hooks).filter(({ fault }) => fault !== undefined).length
  const all = pairs.length + notRun
  return [
    `${all} ${all === 1 ? 'pair' : 'pairs'}: ${succeeded} succeeded`,
    `${pairs.length - succeeded} failed`,
    ...(notRun > 0 ? [`${notRun} not run`] : []),
    ...(hooks > 0 ? [`${hooks} ${hooks === 1 ? 'hook' : 'hooks'} failed`] : []),
  ].join(', ')
}

/** The same as data, for the programs of others. */
export function outcomeJson({ group, machines, tag, hooks, pairs, notRun }: GroupOutcome): string {
  const document = {
    group: group.name,
    tag,
    machines,
    hooks: hooks.map(({ hook, fault, seconds }) => ({
      hook,
      succeeded: fault === undefined,
      fault,
      seconds,
    })),
    pairs: pairs.map(({ pair, succeeded, reason, seconds, ends, remoteByItself }) => ({
      ...pair,
      succeeded,
      reason,
      seconds,
      localStatus: ends.local?.status ?? null,
      remoteStatus: ends.remote?.status ?? null,
      remoteEndedByItself: remoteByItself,
    })),
    notRun: notRun.map(({ name }) => name),
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}
