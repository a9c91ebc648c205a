/** Takes back what the journal says was provisioned, and nothing else; the config is not needed for it. */
import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { loadConfig, loadSource } from '../src/config/load.ts'
import { environmentFolder } from '../src/config/working-config.ts'
import { ConfigError, ProvisionError, UsageError, describeError } from '../src/core/errors.ts'
import { openJournal, type Journal, type JournalEntry } from '../src/core/journal.ts'
import { UndoRegistry, type ReplayResult } from '../src/core/undo.ts'
import { acquireLease } from '../src/environment/lease.ts'
import { undoRuns } from '../src/environment/run-undo.ts'
import { leaseFile } from '../src/environment/environment.ts'
import { Connections, connectBySsh, leasing, telling } from './connections.ts'
import { configChoice, type ProvisionOptions } from './inputs.ts'
import type { ProvisionDeps } from './api.ts'
import type { ProvisionRun } from './run.ts'
import { registerProvisionUndo, type UndoHost } from './undo.ts'

export interface CleanUpResult {
  readonly environment: string
  /** Steps taken back. */
  readonly undone: number
}

/**
 * `--clean-up`.
 * @throws ProvisionError (exit code 3) with a list of what is left, when anything is; UsageError when it is not clear which
 * environment is meant.
 */
export async function cleanUpProvisioned(
  options: ProvisionOptions,
  deps: ProvisionDeps,
): Promise<CleanUpResult> {
  const cwd = options.cwd ?? process.cwd()
  const environment = await chooseEnvironment(options, cwd)
  const folder = environmentFolder(cwd, environment)
  const journal = await openJournal(path.join(folder, 'journal.jsonl'))
  if (journal.tornLines > 0)
    deps.log(
      `${journal.file}: ${journal.tornLines} line(s) that cannot be read: cut short by a crash before their step was begun, or damaged since`,
    )
  const entries = journal.pending('provision')
  // images that runs keep for each other, and what --keep-on-failure left: under the lease no run is at it
  const kept = journal.pending('run')
  if (options.dryRun) {
    for (const entry of [...kept, ...entries].toReversed()) deps.log(`would take back: ${entry.what}`)
    return { environment, undone: 0 }
  }
  await using _lease = await acquireLease(leaseFile(folder), randomUUID(), {
    timeoutMs: 10_000,
    signal: deps.signal,
  })
  const connect = deps.connect ?? connectBySsh
  await using connections = new Connections({
    connect: options.verbose ? telling(connect, deps.log) : connect,
    lease: deps.connect ? undefined : leasing('clean-up', { signal: deps.signal, log: deps.log }),
    hostKeysNow: await hostKeysNow(options),
  })
  const ofRuns = await undoRuns(journal, kept, { log: deps.log })
  const ofProvisioning = await replay(journal, entries, connections, deps.log)
  const result = {
    undone: [...ofRuns.undone, ...ofProvisioning.undone],
    notes: ofProvisioning.notes,
    left: [...ofRuns.left, ...ofProvisioning.left],
  }
  await rm(path.join(folder, 'ship'), { recursive: true, force: true })
  report(result, environment, journal.file, deps.log)
  return { environment, undone: result.undone.length }
}

/** Takes back what this run created. What is left is told, and stays in the journal. */
export async function takeBack(
  journal: Journal,
  run: Pick<ProvisionRun, 'runId' | 'identity'>,
  connections: Connections,
  log: (line: string) => void,
): Promise<void> {
  const entries = journal.pending('provision').filter(({ runId }) => runId === run.runId)
  if (entries.length === 0) return
  log('Taking back what was created …')
  const { left } = await replay(journal, entries, connections, log)
  for (const line of leftLines(left)) log(line)
  if (left.length > 0) log('Type npm run provision -- --clean-up when the host can be reached.')
}

async function replay(
  journal: Journal,
  entries: readonly JournalEntry[],
  connections: Connections,
  log: (line: string) => void,
): Promise<ReplayResult> {
  const registry = registerProvisionUndo(new UndoRegistry<UndoHost>())
  const result = await registry.replay(
    journal,
    entries,
    async (host) => (host ? connections.to(host) : undefined),
    (entry) => log(`taken back: ${entry.what}`),
  )
  for (const note of new Set(result.notes)) log(note)
  return result
}

function report(
  { undone, left }: ReplayResult,
  environment: string,
  file: string,
  log: (line: string) => void,
): void {
  if (left.length > 0) {
    throw new ProvisionError(
      [
        `Not everything of ${environment} could be removed. Left, and still in ${file}:`,
        ...leftLines(left),
        `A host that is gone for good has taken its things along: then remove ${file}.`,
      ].join('\n'),
    )
  }
  log(
    undone.length === 0
      ? `Nothing of ${environment} is left to remove.`
      : `Everything that was provisioned for ${environment} is removed.`,
  )
}

/** Things by the reason that keeps them: a host out of reach is told once. */
function leftLines(left: ReplayResult['left']): string[] {
  const byReason = Map.groupBy(left, ({ reason }) => reason)
  return [...byReason].flatMap(([reason, things]) => [
    ...things.map(({ entry }) => `  ✖ ${entry.what}`),
    `    because: ${reason}`,
  ])
}

/** The environment that the options mean. The config may be damaged or gone: then its name must suffice. */
async function chooseEnvironment(options: ProvisionOptions, cwd: string): Promise<string> {
  const known = await environmentsWithJournal(cwd)
  const named = await loadSource(configChoice(options)).then(
    (source) => source.name,
    (error: unknown) => {
      if (error instanceof ConfigError) return undefined
      throw error
    },
  )
  if (named !== undefined && (known.includes(named) || options.envConfigFile !== undefined)) return named
  const guess =
    options.envConfigFile === undefined ? undefined : nameOf(options.envConfigFile, options.envConfigName)
  if (guess !== undefined) {
    const found = known.filter((name) => name === guess || name.startsWith(`${guess}.`))
    if (found.length === 1 && found[0] !== undefined) return found[0]
    throw new UsageError(
      `Nothing was provisioned from ${options.envConfigFile} in ${cwd}.${known.length > 0 ? ` Environments with a journal: ${known.join(', ')}.` : ''}`,
    )
  }
  const pending: string[] = []
  for (const name of known) {
    const journal = await openJournal(path.join(environmentFolder(cwd, name), 'journal.jsonl'))
    if (journal.pending('provision').length > 0 || journal.pending('run').length > 0) pending.push(name)
  }
  const [only, ...others] = pending
  if (others.length > 0) {
    throw new UsageError(
      `Several environments have something to remove: ${pending.join(', ')}. Say which with --env-config-file NAME.json.`,
    )
  }
  return only ?? named ?? known[0] ?? fail(cwd)
}

/**
 * A host that was reinstalled has another key than the journal knows, and the config is where its owner says so. What is
 * taken from it there carries our label, or nothing is.
 */
async function hostKeysNow(options: ProvisionOptions): Promise<Map<string, string>> {
  const config = await loadConfig(configChoice(options)).catch((error: unknown) => {
    if (error instanceof ConfigError) return undefined // it may be gone: then the journal alone decides
    throw error
  })
  return new Map(
    (config?.hypervisors ?? []).flatMap(({ address, port, hostKey }) =>
      hostKey === undefined ? [] : [[`${address}:${port}`, hostKey] as const],
    ),
  )
}

function fail(cwd: string): never {
  throw new UsageError(
    `Nothing was provisioned from ${cwd}: there is no journal in ${path.join(cwd, '.dpbench')}.`,
  )
}

function nameOf(file: string, name: string | undefined): string {
  const base = path.basename(file, path.extname(file))
  const own = base === 'config' || base === 'working' ? path.basename(path.dirname(path.resolve(file))) : base
  return name === undefined ? own : `${own}.${name}`
}

async function environmentsWithJournal(cwd: string): Promise<string[]> {
  const folder = path.join(cwd, '.dpbench')
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new UsageError(`${folder} cannot be read: ${describeError(error)}`)
  })
  const found: string[] = []
  for (const name of names.sort()) {
    const files: string[] = await readdir(path.join(folder, name)).catch(() => [])
    if (files.includes('journal.jsonl')) found.push(name)
  }
  return found
}
