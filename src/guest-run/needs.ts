/** Reads what a script declares and which subtests it has: from its comments, or by asking it. */
import { UsageError } from '../core/errors.ts'
import { ask } from './ask.ts'
import {
  type Declaration,
  type Setting,
  declarationOf,
  settingsOfComments,
  settingsOfLines,
} from './declaration.ts'
import { type KtestVariables, isKtest, readKtestVariables } from './ktest-variables.ts'
import { sources } from './sourced.ts'

export interface Needs {
  readonly declaration: Declaration
  /** The script's subtests by name, in its order; empty where it is one test. */
  readonly subtests: readonly string[]
  /** What stands before a subtest's name when the script is called with it. */
  readonly subtestArgument: 'run-tests' | ''
  readonly ktest?: KtestVariables
}

export interface Asked {
  /** As the user named it: for sentences. */
  readonly name: string
  /** The script where what it sources lies about it: the one that is called. */
  readonly staged: string
  readonly text: string
  /** The command line's settings, which stand in the place of the script's. */
  readonly overriding: readonly Setting[]
  /** The subtests that were chosen; none: all. */
  readonly only: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/**
 * @throws ConfigError with all faults of the declaration
 * @throws UsageError for a chosen subtest that the script does not have
 */
export async function readNeeds(script: Asked): Promise<Needs> {
  const faults: string[] = []
  const comments = settingsOfComments(script.text, script.name)
  const { settings, ktest } = isAnswering(script, comments)
    ? await askDeps(script, comments, faults)
    : { settings: comments, ktest: undefined }
  const declaration = declarationOf(settings, script.name, { overriding: script.overriding, faults })
  const subtests = await listSubtests(script, ktest !== undefined)
  return {
    declaration,
    subtests: choose(script, subtests),
    subtestArgument: ktest !== undefined || /\brun-tests\b/.test(script.text) ? 'run-tests' : '',
    ...(ktest && { ktest }),
  }
}

/**
 * Whether the script is called with `deps`: it does not declare in comments, and its text has the word, or it sources a
 * library that may know it. Another would only run.
 */
function isAnswering({ text, overriding }: Asked, comments: readonly Setting[]): boolean {
  if (comments.some(({ key }) => key === 'MEM')) return false
  if (/\bdeps\b/.test(text)) return true
  return sources(text) && !overriding.some(({ key }) => key === 'MEM')
}

async function askDeps(
  script: Asked,
  comments: readonly Setting[],
  faults: string[],
): Promise<{ readonly settings: readonly Setting[]; readonly ktest: KtestVariables | undefined }> {
  const where = `${script.name} deps`
  const answer = await ask(script.staged, 'deps', script.signal)
  if (answer.fault !== undefined) {
    faults.push(`${script.name} ${answer.fault}`)
    return { settings: comments, ktest: undefined }
  }
  if (!isKtest(answer.text))
    return { settings: [...comments, ...settingsOfLines(answer.text, where, faults)], ktest: undefined }
  const ktest = readKtestVariables(answer.text, where, faults)
  return { settings: [...comments, ...ktest.settings], ktest }
}

async function listSubtests(script: Asked, isKtestScript: boolean): Promise<readonly string[]> {
  if (!isKtestScript && !/\blist[-_]tests\b/.test(script.text)) return []
  const answer = await ask(script.staged, 'list-tests', script.signal)
  if (answer.fault !== undefined) throw new UsageError(`${script.name} ${answer.fault}`)
  const names = answer.text.split(/\s+/).filter(Boolean)
  const odd = names.filter((name) => !/^[\w.+:@,=-][\w.+:@,=/-]*$/.test(name) || name.includes('..'))
  if (odd.length > 0)
    throw new UsageError(
      `${script.name} list-tests: ${odd.slice(0, 5).join(', ')}: no names of subtests; use letters, digits and ._+:@,=/-`,
    )
  if (names.length === 0)
    throw new UsageError(`${script.name} list-tests names no subtest: nothing would be run`)
  return [...new Set(names)]
}

function choose({ name, only }: Asked, subtests: readonly string[]): readonly string[] {
  const faults = only
    .filter((each) => !subtests.includes(each))
    .map((each) =>
      subtests.length === 0
        ? `${name} lists no subtests: ${each} cannot be chosen`
        : `${name} has no subtest ${each}: choose of ${subtests.join(', ')}`,
    )
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return only.length === 0 ? subtests : subtests.filter((each) => only.includes(each))
}
