/** `dpbench guest run`: scripts as root in fresh VMs, one after the other, and their results back. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { ConfigError, ExitCode, GuestRunError, UsageError, describeError } from '../src/core/errors.ts'
import { quoteArgv } from '../src/core/shell-quote.ts'
import { heldByTest } from '../src/guest-run/held.ts'
import { renderGuestJunit } from '../src/guest-run/junit.ts'
import type { GuestPlan, Launcher } from '../src/guest-run/launcher.ts'
import { sizeText } from '../src/guest-run/quantities.ts'
import { type GuestRunRecord, guestRunSchema } from '../src/guest-run/record.ts'
import { classicPort, exitCodeOf, planOf, runInGuest } from '../src/guest-run/run.ts'
import { runInRounds } from '../src/guest-run/rounds.ts'
import { type StagedRun, stage } from '../src/guest-run/stage.ts'
import { type Workspace, openWorkspace } from '../src/guest-run/workspace.ts'
import { createResultsFolder, linkLatest } from '../src/report/results-folder.ts'
import { openGuestLauncher } from './guest-run-launcher.ts'
import { type GuestRunRequest, guestRunOptions, parseGuestRun } from './guest-run-options.ts'
import { attachTerminal } from './guest-terminal.ts'
import { helpOf } from './options.ts'
import { progress, untilSignal } from './terminal.ts'

export const guestRunHelp = `dpbench guest run [options] SCRIPT…

Runs each script as root in a fresh VM of its own, which is removed with all its disks, and brings its results back. The
script says what it needs, by answering \`SCRIPT deps\` with KEY=value lines or in comments at its head (# MEM=512M), and
prints TEST SUCCESS or TEST FAILED. docs/guest-runs.md says more.

${helpOf(guestRunOptions)}

Results: results/<time or --tag>/<script>/ with stdout.log, console.log, uploads/, subtests/, guest-run.json, SUCCESS or
FAILED; beside the scripts' folders junit.xml. Exit codes: 0 all succeeded, 1 one failed, 2 usage and declarations,
3 a VM could not be started or died, 130 and 143 after a signal.`

export function guestRun(argv: readonly string[]): Promise<number> {
  const request = parseGuestRun(argv)
  endWithTest()
  return untilSignal(async (signal) => {
    await using workspace = await openWorkspace()
    const staged = await stageAll(request, workspace, signal)
    if (request.has('list')) {
      const listed = staged.map(({ title, subtests }) => ({ title, subtests }))
      process.stdout.write(`${JSON.stringify(listed)}\n`)
      return ExitCode.passed
    }
    await using opened = await openGuestLauncher({
      on: request.text('on'),
      configFile: request.text('env-config-file'),
      configName: request.text('env-config-name'),
      waitForLease: request.waitForLease,
      kernel: request.text('kernel'),
      initrd: request.text('initrd'),
      modules: request.text('modules'),
      kernelSource: request.text('kernel-source'),
      kernelConfig: request.text('kernel-config'),
      kernelOptions: [...new Set(staged.flatMap(({ ktest }) => ktest?.kernelConfig ?? []))],
      gdb: request.has('gdb'),
      gem5: request.text('gem5'),
      gem5Config: request.text('gem5-config'),
      log: progress,
      signal,
    })
    const { launcher, kernel } = opened
    if (request.has('dry-run')) {
      for (const each of staged)
        process.stdout.write(`${await describe(each, { launcher, kernel, request })}\n`)
      return ExitCode.passed
    }
    return await runAll(staged, { request, launcher, kernel, workspace, signal })
  })
}

/** A test that died leaves nobody who would end this run. */
function endWithTest(): void {
  if (!process.env[heldByTest]) return
  process.stdin.once('end', () => process.kill(process.pid, 'SIGTERM'))
  process.stdin.resume().unref()
}

/** All faults of all scripts at once, before anything is started. */
async function stageAll(
  request: GuestRunRequest,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<readonly StagedRun[]> {
  const staged: StagedRun[] = []
  const failed: (ConfigError | UsageError)[] = []
  for (const [index, script] of request.scripts.entries()) {
    const folder = join(workspace.path, `script-${index}`)
    await mkdir(folder)
    const { overriding, only } = request
    try {
      staged.push(
        await stage(script, {
          folder,
          overriding,
          only,
          sourceTree: request.text('source-tree') ?? request.text('kernel-source'),
          signal,
        }),
      )
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof UsageError)) throw error
      failed.push(error)
    }
  }
  if (failed.length === 1) throw failed[0]!
  if (failed.length > 1) {
    const faults = failed.flatMap((error) => (error instanceof ConfigError ? error.faults : [error.message]))
    throw new ConfigError('what these scripts need cannot be met:', faults)
  }
  return staged
}

interface Running {
  readonly request: GuestRunRequest
  readonly launcher: Launcher
  readonly kernel: GuestPlan['kernel']
  readonly workspace: Workspace
  readonly signal: AbortSignal
}

async function runAll(staged: readonly StagedRun[], running: Running): Promise<number> {
  const { request } = running
  const startedAt = new Date().toISOString()
  const results = await createResultsFolder('results', { tag: request.text('tag'), startedAt })
  const records: GuestRunRecord[] = []
  const codes = await runInRounds(staged, (each) => runOne(each, results, records, running), {
    times: request.times,
    stop: request.has('stop'),
    failFast: request.has('fail-fast'),
    onRound: (round) => round > 1 && progress(`round ${round}`),
  })
  await linkLatest(results)
  progress(`results: ${results}`)
  return (
    [ExitCode.infrastructure, ExitCode.thresholdMissed].find((code) => codes.includes(code)) ??
    ExitCode.passed
  )
}

async function runOne(
  staged: StagedRun,
  results: string,
  records: GuestRunRecord[],
  { request, launcher, kernel, workspace, signal }: Running,
): Promise<number> {
  const folder = await createResultsFolder(results, { tag: staged.title, startedAt: '' })
  const temporary = join(workspace.path, `run-${records.length}`)
  await mkdir(temporary)
  const { kernelConfig = [] } = staged.ktest ?? {}
  if (kernelConfig.length > 0 && kernel === undefined)
    progress(
      `${staged.title}: asks for a kernel with ${kernelConfig.join(', ')}; the guest's own is not asked for it`,
    )
  progress(`${staged.title}: starting a guest (${sizeText(staged.declaration.memoryMiB * 2 ** 20)})`)
  const interactive = request.has('interactive')
  using terminal = interactive ? attachTerminal() : undefined
  try {
    const record = await runInGuest(
      staged,
      {
        launcher,
        kernel,
        port: request.port,
        success: request.success,
        failure: request.failure,
        limits: request.limits,
        failFast: request.has('fail-fast'),
        interactive,
        log: progress,
        onConsole: (piece) => void process.stdout.write(piece),
        onStarted: (guest) => terminal?.connect(guest),
        signal,
      },
      { results: folder, temporary },
    )
    records.push(record)
    await writeFile(join(results, 'junit.xml'), renderGuestJunit(records))
    for (const line of verdictLines(record)) progress(line)
    progress(`record: ${resolve(folder, 'guest-run.json')}`)
    return exitCodeOf(record.verdict)
  } catch (error) {
    await writeFile(join(folder, 'FAILED'), `${describeError(error)}\n`)
    if (signal.aborted || !(error instanceof GuestRunError)) throw error
    records.push(notRun(staged, launcher.name, error))
    await writeFile(join(results, 'junit.xml'), renderGuestJunit(records))
    progress(`✖ ${staged.title}: ${describeError(error)}`)
    return error.exitCode
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** What the reports have of a run whose VM could not be started. */
function notRun(staged: StagedRun, launcher: string, error: GuestRunError): GuestRunRecord {
  const { title: script, declaration, subtests } = staged
  const names = subtests.map((name) => ({ name, status: 'NOT STARTED', durationMs: 0, folder: '' }) as const)
  return {
    schema: guestRunSchema,
    script,
    launcher,
    startedAt: new Date().toISOString(),
    durationMs: 0,
    verdict: { outcome: 'not-started', sentence: describeError(error), lines: [] },
    declaration,
    subtests: names,
    uploads: [],
    notes: [],
  }
}

function verdictLines({ script, verdict, subtests, durationMs, notes }: GuestRunRecord): string[] {
  const good = verdict.outcome === 'success'
  return [
    ...subtests.map(
      ({ name, status, durationMs: ms }) =>
        `  ${name}: ${status}${ms > 0 ? ` (${(ms / 1000).toFixed(1)} s)` : ''}`,
    ),
    ...notes.map((note) => `  note: ${note}`),
    ...verdict.lines.map((line) => `  | ${line}`),
    `${good ? '✔' : '✖'} ${script}: ${verdict.outcome} after ${(durationMs / 1000).toFixed(1)} s: ${verdict.sentence}`,
  ]
}

interface Described {
  readonly launcher: Launcher
  readonly kernel: GuestPlan['kernel']
  readonly request: GuestRunRequest
}

async function describe(staged: StagedRun, { launcher, kernel, request }: Described): Promise<string> {
  const { declaration, subtests, subtestArgument, files } = staged
  const list = (values: readonly string[]): string => values.join(',') || '-'
  const commands = await launcher.describe(
    planOf(staged, { kernel, interactive: request.has('interactive') }),
    { folder: '<folder>', port: request.port || classicPort, files: '<files>' },
  )
  const called = [basename(staged.script), subtestArgument].filter(Boolean).join(' ')
  return [
    `${staged.title}`,
    `  MEM=${sizeText(declaration.memoryMiB * 2 ** 20)} CPUS=${declaration.cpus}`,
    `  SCRATCH=${list(declaration.scratch.map((bytes) => sizeText(bytes)))}`,
    `  TIMEOUT=${declaration.timeoutMs / 1000}s NETWORK=${declaration.network}`,
    `  KERNEL_ARGS=${declaration.kernelArgs.join(' ') || '-'}`,
    `  files: ${list(files)}`,
    subtests.length === 0
      ? `  called as: ${called}`
      : `  called as: ${called} NAME, for ${subtests.join(', ')}`,
    ...(staged.ktest?.kernelConfig.length
      ? [`  the kernel must have: ${list(staged.ktest.kernelConfig)}`]
      : []),
    ...commands.map((argv) => `  $ ${quoteArgv(argv)}`),
  ].join('\n')
}
