/**
 * Guest runs as tests: one per subtest of a script, or one for a script without. All of them run in one fresh VM, by
 * `dpbench guest run` in a process of its own; no config and no hypervisor is needed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { GuestRunError, UsageError } from '../core/errors.ts'
import { heldByTest } from '../guest-run/held.ts'
import type { GuestRunRecord } from '../guest-run/record.ts'

export interface GuestRunOptions {
  /** Only these subtests are registered. */
  readonly tests?: readonly string[]
  /** In the place of the script's own MEM: `1G`. */
  readonly memory?: string
  /** Regular expression of the line that means success. Default: `^TEST SUCCESS`. */
  readonly success?: string
  /** Options of `dpbench guest run`, as they are typed: `['--kernel', 'bzImage']`. */
  readonly options?: readonly string[]
  /** The name of the folder below `results/`. Default: the time. */
  readonly tag?: string
}

interface Listed {
  readonly title: string
  readonly subtests: readonly string[]
}

/** A run has a deadline of its own, from the script's TIMEOUT; this one is for what holds it. */
const longestMs = 86_400_000

/**
 * Registers the tests of `script`, whose path is taken from the working directory. With `-t` only the subtests that are
 * asked for run.
 * @throws UsageError where the script cannot be read, or declares what cannot be met
 */
export function guestRun(script: string, options: GuestRunOptions = {}): void {
  const path = resolve(script)
  const given = [
    ...(options.memory === undefined ? [] : ['--mem', options.memory]),
    ...(options.options ?? []),
  ]
  const chosen = (names: readonly string[]): string[] => names.flatMap((name) => ['--test', name])
  const { title, subtests } = list([...given, ...chosen(options.tests ?? []), path])
  describe(title, () => {
    let record: GuestRunRecord | undefined
    // oxlint-disable-next-line no-empty-pattern -- Vitest wants a hook's first parameter destructured
    beforeAll(async ({}, suite) => {
      const { tasks } = suite
      const asked = tasks.filter(({ mode }) => mode === 'run' || mode === 'queued').map(({ name }) => name)
      const only = subtests.length > 0 && asked.length > 0 ? asked : subtests
      record = await runOnce([
        ...given,
        ...(options.success === undefined ? [] : ['--success', options.success]),
        ...(options.tag === undefined ? [] : ['--tag', options.tag]),
        ...chosen(only),
        path,
      ])
    }, longestMs)
    for (const name of subtests) test(name, () => expectPassed(record!, name))
    if (subtests.length === 0) test('TEST SUCCESS', () => expectSuccess(record!))
  })
}

function expectPassed(record: GuestRunRecord, name: string): void {
  const subtest = record.subtests.find((each) => each.name === name)
  if (subtest?.status === 'PASSED' || subtest?.status === 'NOTRUN') {
    // a kernel that broke afterwards may have been broken by any of them
    if (['panic', 'oops', 'lock-up'].includes(record.verdict.outcome)) expectSuccess(record)
    return
  }
  const lines = record.verdict.lines.map((line) => `  | ${line}`)
  expect.fail(
    [`${name} ${subtest?.status ?? 'NOT STARTED'}: ${record.verdict.sentence}`, ...lines].join('\n'),
  )
}

function expectSuccess({ verdict }: GuestRunRecord): void {
  if (verdict.outcome === 'success') return
  expect.fail(
    [`${verdict.outcome}: ${verdict.sentence}`, ...verdict.lines.map((line) => `  | ${line}`)].join('\n'),
  )
}

/** The command that this package is; in a project it is the built one. */
function command(...argv: readonly string[]): [string, string[]] {
  const root = dirname(fileURLToPath(import.meta.resolve('dpbench/package.json')))
  return [
    process.execPath,
    [join(root, 'bin', `dpbench${extname(import.meta.filename)}`), 'guest', 'run', ...argv],
  ]
}

function list(argv: readonly string[]): Listed {
  const [program, args] = command('--list', ...argv)
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: 120_000 })
  if (error) throw new GuestRunError('dpbench guest run cannot be started', { cause: error })
  if (status !== 0) throw new UsageError(stderr.trim().replace(/^dpbench: /, ''))
  return (JSON.parse(stdout) as Listed[])[0]!
}

async function runOnce(argv: readonly string[]): Promise<GuestRunRecord> {
  const [program, args] = command(...argv)
  const child = spawn(program, args, {
    env: { ...process.env, [heldByTest]: '1' },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stdin.on('error', () => undefined) // it may end first
  const said: string[] = []
  let results: string | undefined
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line)
    results = /^\s*[\d.]+ s {2}record: (.+)$/.exec(line)?.[1] ?? results
  })
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed)
    child.once('close', done)
  })
  if (results === undefined)
    throw new GuestRunError(`the guest run ended with status ${code}:\n${said.slice(-20).join('\n')}`)
  return JSON.parse(await readFile(results, 'utf8')) as GuestRunRecord
}
