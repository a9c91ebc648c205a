/**
 * Commits between good and bad, found by `git bisect` itself, which knows histories with merges. It works in a clone of its own
 * in the series' folder, and each commit is built from another, so that the user's repository is only read, and a build sees
 * an unchanged `.git`: Docker's cache holds from one run of a commit to the next.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError, type CommandResult } from '../../core/command-result.ts'
import { UsageError, describeError } from '../../core/errors.ts'
import { tryLocally } from '../../core/local-command.ts'
import type { Candidate, Candidates, Found } from './candidates.ts'
import type { Judgement } from './judge-step.ts'

const gitTimeoutMs = 600_000

/** Where the sources are, and both ends, as they are kept with the series. */
export interface CommitRange {
  /** The repository's top folder. */
  readonly top: string
  /** The folder that is built, from there; empty, or with a slash at its end. */
  readonly prefix: string
  readonly good: string
  readonly bad: string
}

/** @throws UsageError when it is no clean checkout, or good does not come before bad */
export async function findCommits(
  source: string,
  refs: { readonly good: string; readonly bad: string },
): Promise<CommitRange> {
  const place = await tryGit(source, ['rev-parse', '--show-toplevel', '--show-prefix'])
  if (place.exitCode !== 0)
    throw new UsageError(`--dpservice-source ${source} is not in a git repository: ${place.stderr.trim()}`)
  const [top = '', prefix = ''] = place.stdout.split('\n')
  const changed = (await git(source, ['status', '--porcelain'])).trimEnd()
  if (changed !== '')
    throw new UsageError(
      `--dpservice-source ${source} is not a clean checkout, and what is in no commit would not be tested: ` +
        `commit it or put it away (git stash -u):\n${changed.split('\n').slice(0, 10).join('\n')}`,
    )
  const [good, bad] = [await commitOf(top, 'good', refs.good), await commitOf(top, 'bad', refs.bad)]
  if (good === bad)
    throw new UsageError(`--good ${refs.good} and --bad ${refs.bad} are the same commit, ${good}`)
  const order = await tryGit(top, ['merge-base', '--is-ancestor', good, bad])
  if (order.exitCode === 0) return { top, prefix, good, bad }
  throw new UsageError(`--good ${refs.good} does not come before --bad ${refs.bad}: name an ancestor of it`)
}

export class GitCommits implements Candidates, AsyncDisposable {
  readonly good: Candidate
  readonly bad: Candidate
  readonly count: number
  readonly #folder: string
  readonly #range: CommitRange

  private constructor(folder: string, range: CommitRange, good: Candidate, bad: Candidate, count: number) {
    this.#folder = folder
    this.#range = range
    this.good = good
    this.bad = bad
    this.count = count
  }

  /** @param folder for its clones; removed at the end @throws CommandError */
  static async open(folder: string, range: CommitRange): Promise<GitCommits> {
    await rm(folder, { recursive: true, force: true }) // of a series that was killed
    await mkdir(folder, { recursive: true })
    const { top, good, bad } = range
    const clone = join(folder, 'commits.git')
    try {
      await git(folder, ['clone', '--quiet', '--bare', '--local', top, clone])
      // a commit that no branch holds is not cloned where the file system forbids hard links
      const present = await tryGit(clone, ['cat-file', '-e', `${bad}^{commit}`])
      if (present.exitCode !== 0) await git(clone, ['fetch', '--quiet', top, bad])
      await git(clone, ['bisect', 'start', bad, good])
      const count = await git(clone, ['rev-list', '--count', `${good}..${bad}`])
      const [first, last] = [await described(clone, good), await described(clone, bad)]
      return new GitCommits(folder, range, first, last, Number(count) - 1)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  async next(): Promise<Candidate | Found> {
    const log = await this.log()
    const first = sha(log.findLast((line) => line.startsWith('# first bad commit:')))
    if (first !== undefined) return { state: 'found', first: await described(this.#clone, first) }
    if (log.some((line) => line.startsWith('# only skipped commits left'))) {
      const among = log
        .filter((line) => line.startsWith('# possible first bad commit:'))
        .flatMap((line) => sha(line) ?? [])
      return { state: 'hidden', among: await Promise.all(among.map((each) => described(this.#clone, each))) }
    }
    const head = await git(this.#clone, ['rev-parse', '--verify', 'BISECT_HEAD'])
    return described(this.#clone, head.trim())
  }

  async tell({ id }: Candidate, judgement: Judgement | 'skip'): Promise<void> {
    const told = await tryGit(this.#clone, ['bisect', judgement, id])
    // 2: only commits that were skipped are left; `next` finds that in the log
    if (told.exitCode !== 0 && told.exitCode !== 2) throw new CommandError(told)
  }

  async argumentsFor({ id, name }: Candidate): Promise<readonly string[]> {
    const tree = this.#tree(name)
    const present = await tryGit(this.#folder, ['-C', tree, 'rev-parse', '--verify', 'HEAD'])
    if (present.stdout.trim() !== id) {
      await rm(tree, { recursive: true, force: true })
      await git(this.#folder, ['clone', '--quiet', '--no-checkout', '--local', this.#clone, tree])
      await git(tree, ['checkout', '--quiet', '--detach', id])
    }
    return ['--stage', 'dev', '--dpservice-source', join(tree, this.#range.prefix)]
  }

  async done({ name }: Candidate): Promise<void> {
    await rm(this.#tree(name), { recursive: true, force: true })
  }

  async log(): Promise<readonly string[]> {
    return (await git(this.#clone, ['bisect', 'log'])).trimEnd().split('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #clone(): string {
    return join(this.#folder, 'commits.git')
  }

  #tree(name: string): string {
    return join(this.#folder, name)
  }
}

/** `# first bad commit: [<sha>] subject` */
function sha(line: string | undefined): string | undefined {
  return /\[([0-9a-f]{40,64})\]/.exec(line ?? '')?.[1]
}

async function described(folder: string, commit: string): Promise<Candidate> {
  const text = (await git(folder, ['log', '-1', '--abbrev=12', '--format=%H %h %s', commit])).trim()
  const [id = '', short = '', ...subject] = text.split(' ')
  return { id, name: short, label: `${short} ${subject.join(' ')}` }
}

async function commitOf(top: string, end: string, ref: string): Promise<string> {
  const found = await tryGit(top, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
  const commit = found.stdout.trim().split('\n').at(-1) ?? ''
  if (found.exitCode === 0 && commit !== '') return commit
  throw new UsageError(`--${end} ${ref} is no commit of ${top}: name a commit, a tag or a branch`)
}

async function git(folder: string, args: readonly string[]): Promise<string> {
  const result = await tryGit(folder, args)
  if (result.exitCode !== 0) throw new CommandError(result)
  return result.stdout
}

async function tryGit(folder: string, args: readonly string[]): Promise<CommandResult> {
  try {
    return await tryLocally(command(args), { cwd: folder, env: ownEnvironment(), timeoutMs: gitTimeoutMs })
  } catch (error) {
    throw new UsageError(`git cannot be started in ${folder}: ${describeError(error)}; is it installed?`, {
      cause: error,
    })
  }
}

/** No hook of the user's runs in clones that are not theirs. */
function command(args: readonly string[]): string[] {
  return ['git', '-c', 'core.hooksPath=/dev/null', '-c', 'advice.detachedHead=false', ...args]
}

/** Started from a hook or an alias of git, these would name the user's repository. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY)$/.test(name),
  )
  return { ...Object.fromEntries(kept), LC_ALL: 'C' }
}
