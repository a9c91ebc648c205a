/** `doctor --revert`: takes back, by the journal, what `--fix` did, also after a crash in its middle. */
import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { type LoadConfigOptions, environmentFolder, loadSource } from '../config/index.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { ConfigError, DpbenchError, UsageError } from '../core/errors.ts'
import { openJournal } from '../core/journal.ts'
import { journalFile, leaseFile } from '../environment/environment.ts'
import { acquireLease } from '../environment/lease.ts'
import { connectHost } from '../transport/ssh/connect.ts'
import { untilAlone } from './fix.ts'
import { doctorUndo } from './undo.ts'

export interface RevertDeps {
  readonly cwd: string
  readonly log: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Hosts side by side, newest first on each. The journal says how to reach them, so the config may be gone.
 * @throws DpbenchError with what is left, which stays in the journal; UsageError when it is not clear what is meant
 */
export async function revert(options: LoadConfigOptions, { cwd, log, signal }: RevertDeps): Promise<void> {
  const environment = await chooseEnvironment(options, cwd)
  if (environment === undefined) {
    log('There is nothing to put back: no journal here has anything of the doctor.')
    return
  }
  const folder = environmentFolder(cwd, environment)
  await using stack = new DisposalStack()
  stack.use(await acquireLease(leaseFile(folder), randomUUID(), { timeoutMs: 10_000, signal }))
  const journal = await openJournal(journalFile(folder))
  const entries = journal.pending('doctor')
  const { undone, notes, left } = await doctorUndo().replay(
    journal,
    entries,
    async (host) => {
      if (!host) throw new TypeError('the doctor changes nothing on the controller')
      const connected = stack.use(await connectHost(host, { timeoutMs: 10_000, signal }))
      await untilAlone(connected)
      return connected
    },
    (entry) => log(`put back: ${entry.what}`),
  )
  for (const note of notes) log(note)
  if (left.length > 0) {
    const lines = left.map(({ entry, reason }) => `${entry.what}: ${reason}`)
    throw new DpbenchError(
      [`Not everything could be put back. Left, and still in ${journal.file}:`, ...lines].join('\n  ✖ '),
    )
  }
  if (undone.length === 0) log(`There is nothing to put back for ${environment}.`)
}

/** The config's; where it cannot be loaded, the only one whose journal has something of the doctor. */
async function chooseEnvironment(options: LoadConfigOptions, cwd: string): Promise<string | undefined> {
  const named = await loadSource(options).catch((error: unknown) => {
    if (error instanceof ConfigError) return error
    throw error
  })
  if (!(named instanceof ConfigError)) return named.name
  const pending: string[] = []
  for (const name of await readdir(path.join(cwd, '.dpbench')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })) {
    const journal = await openJournal(journalFile(environmentFolder(cwd, name)))
    if (journal.pending('doctor').length > 0) pending.push(name)
  }
  if (options.file !== undefined) {
    const { dir, name } = path.parse(path.resolve(cwd, options.file))
    // as configs are named: a lab's file is a config.json in its folder
    const own = name === 'config' || name === 'working' ? path.basename(dir) : name
    const wanted = options.name === undefined ? own : `${own}.${options.name}`
    return pending.find((each) => each === wanted)
  }
  const [only, ...others] = pending.sort()
  if (others.length > 0) {
    throw new UsageError(
      `Several environments have something to put back: ${pending.join(', ')}. Say which with --env-config-file NAME.json.`,
      { cause: named },
    )
  }
  return only
}
