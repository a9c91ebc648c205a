/** Reads what a script declares and which subtests it has: from its comments, or by asking it. */
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

/** What is wrong is added to `faults`; needs with faults are not to be used. */
export async function readNeeds(script: Asked, faults: string[]): Promise<Needs> {
  const comments = settingsOfComments(script.text, script.name)
  const { settings, ktest } = isAnswering(script, comments)
    ? await askDeps(script, comments, faults)
    : { settings: comments, ktest: undefined }
  const declaration = declarationOf(settings, script.name, faults, script.overriding)
  const subtests = await listSubtests(script, ktest !== undefined, faults)
  return {
    declaration,
    subtests: choose(script, subtests, faults),
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

async function listSubtests(
  script: Asked,
  isKtestScript: boolean,
  faults: string[],
): Promise<readonly string[]> {
  if (!isKtestScript && !/\blist[-_]tests\b/.test(script.text)) return []
  const where = `${script.name} list-tests`
  const answer = await ask(script.staged, 'list-tests', script.signal)
  const names = [...new Set(answer.text.split(/\s+/).filter(Boolean))]
  const odd = names.filter((name) => !/^\w[\w.+:@,=/-]*$/.test(name) || name.includes('..'))
  if (answer.fault !== undefined) faults.push(`${script.name} ${answer.fault}`)
  else if (names.length === 0) faults.push(`${where} names no subtest: nothing would be run`)
  else if (odd.length > 0)
    faults.push(
      `${where}: no names of subtests: ${odd.slice(0, 5).join(', ')}; use letters, digits and ._+:@,=/-`,
    )
  return names
}

function choose({ name, only }: Asked, subtests: readonly string[], faults: string[]): readonly string[] {
  for (const each of only) {
    if (subtests.length === 0) faults.push(`${name} lists no subtests: ${each} cannot be chosen`)
    else if (!subtests.includes(each))
      faults.push(`${name} has no subtest ${each}: choose of ${subtests.join(', ')}`)
  }
  return only.length === 0 ? subtests : subtests.filter((each) => only.includes(each))
}
