/**
 * A guest run: a script runs as root in a fresh VM that is there for it alone, and its results come back. Whatever happens,
 * nothing of it is left but its folder of results.
 */
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { finished } from 'node:stream/promises'
import { DisposalStack } from '../core/disposal-stack.ts'
import { GuestRunError } from '../core/errors.ts'
import { complaints } from './console-faults.ts'
import { outputOfConsole } from './console-output.ts'
import { keepRecord, keepSubtests, linesText, preSeed } from './keep.ts'
import type { GuestPlan, Launcher, RunningGuest } from './launcher.ts'
import { plainLine } from './lines.ts'
import { type GuestRunRecord, guestRunSchema } from './record.ts'
import { writeRunScript } from './run-script.ts'
import { type RunServer, startServer } from './server.ts'
import type { StagedRun } from './stage.ts'
import { type Pauses, Supervisor, type Watched } from './supervisor.ts'
import { type UploadLimits, Uploads, defaultUploadLimits } from './uploads.ts'
import { type GuestVerdict, failurePattern, judge, successPattern } from './verdict.ts'

export interface GuestRunSettings {
  readonly launcher: Launcher
  /** 3003 where it is free, else any; a number: that one or none. */
  readonly port?: number | undefined
  readonly kernel?: GuestPlan['kernel']
  readonly success?: RegExp | undefined
  readonly failure?: RegExp | undefined
  readonly limits?: UploadLimits | undefined
  /** No subtest after one that failed. */
  readonly failFast?: boolean
  /** The VM stays after the script, with a shell on its console, until it is switched off; there is no deadline. */
  readonly interactive?: boolean
  readonly pauses?: Partial<Pauses>
  /** Progress, for people. */
  readonly log: (line: string) => void
  /** The console as it comes. */
  readonly onConsole?: ((piece: string) => void) | undefined
  readonly onLine?: ((line: string) => void) | undefined
  /** Called when the VM runs. */
  readonly onStarted?: ((guest: RunningGuest) => void) | undefined
  readonly signal: AbortSignal
}

export interface Places {
  /** The run's results; there and empty. */
  readonly results: string
  /** For what is removed with the run; there and empty, removed by the caller. */
  readonly temporary: string
}

/** The port that scripts written for vSwarm-μ have in them. */
export const classicPort = 3003
/** The script's output as it sends it; also the name under which vSwarm-μ's scripts send theirs. */
const outputNames = ['stdout.log', 'results.log']
const mostOutputBytes = 64 * 2 ** 20

/** @throws GuestRunError when the VM cannot be started; the signal's reason when it was interrupted */
export async function runInGuest(
  staged: StagedRun,
  settings: GuestRunSettings,
  places: Places,
): Promise<GuestRunRecord> {
  const startedAt = new Date()
  const begun = performance.now()
  const notes: string[] = []
  const uploads = new Uploads(
    join(places.results, 'uploads'),
    join(places.temporary, 'arriving'),
    settings.limits,
  )
  const own = new Uploads(places.results, join(places.temporary, 'arriving'), {
    ...defaultUploadLimits,
    files: 10,
  })
  let exitStatus: number | undefined
  await using open = new DisposalStack()
  const server = open.use(
    await openServer(settings, {
      folder: staged.folder,
      beside: join(staged.folder, 'files', dirname(staged.script)),
      uploads,
      own,
      onOutput: (status) => (exitStatus = status),
      note: (sentence) => notes.push(sentence),
    }),
  )
  const embed = settings.launcher.name === 'gem5'
  await writeRunScript(staged, { port: server.port, failFast: settings.failFast ?? false, embed })
  await preSeed(places.results, staged.subtests)
  const sending = (): boolean => uploads.underWay + own.underWay > 0
  const watched = await watchGuest(staged, settings, { ...places, server, open, sending })
  settings.signal.throwIfAborted()
  const output = await readOutput(places.results, uploads)
  if (own.kept.length === 0)
    await writeFile(join(places.results, 'stdout.log'), linesText(outputOfConsole(watched.lines)))
  const verdict = judge({
    end: watched.end,
    ...(watched.timedOut && { timedOut: watched.timedOut }),
    console: watched.lines,
    output,
    fetched: server.fetched() || embed,
    exitStatus,
    subtests: watched.board.all(),
    success: settings.success ?? successPattern,
    failure: settings.failure ?? failurePattern,
  })
  const record: GuestRunRecord = {
    schema: guestRunSchema,
    script: staged.title,
    launcher: settings.launcher.name,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(performance.now() - begun),
    verdict,
    ...(exitStatus !== undefined && { exitStatus }),
    declaration: staged.declaration,
    subtests: await keepSubtests(places.results, watched.board.all()),
    uploads: uploads.kept,
    notes: [...notes, ...complaints(watched.lines)],
  }
  await keepRecord(places.results, record)
  return record
}

async function openServer(
  { port, log }: GuestRunSettings,
  options: Omit<Parameters<typeof startServer>[0], 'port'>,
): Promise<RunServer> {
  if (port !== undefined) return startServer({ ...options, port })
  try {
    return await startServer({ ...options, port: classicPort })
  } catch (error) {
    if (!(error instanceof GuestRunError)) throw error
    const server = await startServer({ ...options, port: 0 })
    log(`port ${classicPort} is another process's: the run's files are served at port ${server.port}`)
    return server
  }
}

interface Open extends Places {
  readonly server: RunServer
  readonly open: DisposalStack
  readonly sending: () => boolean
}

/** What a launcher is asked for. */
export function planOf(
  { declaration }: Pick<StagedRun, 'declaration'>,
  settings: Pick<GuestRunSettings, 'kernel' | 'interactive'>,
): GuestPlan {
  return {
    name: `guest-${randomBytes(4).toString('hex')}`,
    memoryMiB: declaration.memoryMiB,
    cpus: declaration.cpus,
    scratch: declaration.scratch,
    kernelArgs: [...declaration.kernelArgs, ...(settings.interactive ? ['dpbench.interactive=1'] : [])],
    // NETWORK=none is kept in the guest: its files come and go by the NIC, which is down while the script runs
    network: 'user',
    ...(settings.kernel && { kernel: settings.kernel }),
  }
}

async function watchGuest(
  staged: StagedRun,
  settings: GuestRunSettings,
  { results, temporary, server, open, sending }: Open,
): Promise<Watched> {
  const folder = join(temporary, 'vm')
  await mkdir(folder)
  const { launcher, signal } = settings
  const guest = open.use(
    await launcher.start(planOf(staged, settings), {
      folder,
      signal,
      port: server.port,
      files: staged.folder,
    }),
  )
  settings.onStarted?.(guest)
  const console = createWriteStream(join(results, 'console.log'), { flags: 'wx' })
  open.defer(async () => {
    console.end()
    await finished(console)
  })
  const supervisor = new Supervisor(guest, {
    subtests: staged.subtests,
    timeoutMs: settings.interactive ? 0 : staged.declaration.timeoutMs,
    success: settings.success ?? successPattern,
    failure: settings.failure ?? failurePattern,
    stays: settings.interactive ?? false,
    failFast: settings.failFast ?? false,
    sending,
    ...(settings.pauses && { pauses: settings.pauses }),
    onPiece: (piece) => {
      console.write(piece)
      settings.onConsole?.(piece)
    },
    onLine: settings.onLine,
  })
  return supervisor.watch(signal)
}

async function readOutput(results: string, uploads: Uploads): Promise<string[]> {
  const lines: string[] = []
  for (const name of outputNames) {
    const path = name === 'stdout.log' ? join(results, name) : join(results, 'uploads', name)
    if (name !== 'stdout.log' && !uploads.kept.includes(name)) continue
    const text = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined // the guest ended before it could send it
      throw error
    })
    lines.push(...(text?.subarray(0, mostOutputBytes).toString('utf8').split('\n') ?? []).map(plainLine))
  }
  return lines
}

/** Exit code of a verdict: 0, 1 for what the script is to blame for, 3 for the machine's part. */
export function exitCodeOf({ outcome }: GuestVerdict): 0 | 1 | 3 {
  if (outcome === 'success') return 0
  return outcome === 'died' || outcome === 'not-started' ? 3 : 1
}
