/** What a suite needs and the config does not have: the test is skipped with the reason, or fails under `--strict`. */
import type { TestContext } from 'vitest'
import { ConfigError } from '../core/errors.ts'
import type { RunContext } from './run-context.ts'

/** Ends the test, with the reason. */
export type Unmet = (reason: string) => never

/** @returns what throws a ConfigError under `--strict` (exit code 2: the config is not what the run was to be) */
export function unmetNeed({ strict }: Pick<RunContext, 'strict'>, skip: TestContext['skip']): Unmet {
  return (reason) => {
    if (strict)
      throw new ConfigError(`${reason} (--strict lets no test be skipped for what the config lacks)`)
    return skip(reason)
  }
}
