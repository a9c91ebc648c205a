/** Composes the `run.sh` of a run from its template, guest/run.sh: everything that a run is goes into it as data. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runLocally } from '../core/local-command.ts'
import { quoteArg } from '../core/shell-quote.ts'
import { ktestEnvironment } from './ktest-variables.ts'
import type { StagedRun } from './stage.ts'

export interface RunScriptOptions {
  readonly port: number
  /** After a failed subtest no other is begun. */
  readonly failFast: boolean
  /** Puts the files into the script itself, for a guest that fetches nothing else. */
  readonly embed: boolean
}

const lettersAfterA = 'bcdefghijklmnopqrstuvwxyz'

/** Writes `run.sh` into the served folder. */
export async function writeRunScript(staged: StagedRun, options: RunScriptOptions): Promise<void> {
  const template = await readFile(join(import.meta.dirname, 'guest/run.sh'), 'utf8')
  const parts: Readonly<Record<string, string>> = {
    // for a service that does not say; QEMU's user networking has this machine there
    URL: `http://10.0.2.2:${options.port}`,
    SCRIPT: quoteArg(staged.script),
    TESTS: quoteArg(staged.subtests.join(' ')),
    RUN_TESTS: quoteArg(staged.subtestArgument),
    FAIL_FAST: String(options.failFast),
    ISOLATED: String(staged.declaration.network === 'none' && !options.embed),
    FILES: staged.files.map((file) => `${servedPath(file)} ${file}`).join('\n'),
    ENVIRONMENT: staged.ktest ? environmentOfKtest(staged, options) : ':',
    WATCH_TAINT: String(staged.ktest !== undefined && staged.ktest.variables['ktest_allow_taint'] !== 'true'),
    INIT: String(staged.initializes),
  }
  const text = template.replaceAll(/@([A-Z_]+)@/g, (whole, name: string) => parts[name] ?? whole)
  const archive = options.embed ? await archiveOf(staged) : ''
  await writeFile(join(staged.folder, 'run.sh'), text + archive, { mode: 0o755 })
}

function servedPath(file: string): string {
  return ['files', ...file.split('/')].map((part) => encodeURIComponent(part)).join('/')
}

/** What ktest's own runner gives its tests in the guest, and its names for the disks. */
function environmentOfKtest({ ktest }: StagedRun, { failFast }: RunScriptOptions): string {
  const variables = Object.entries(ktestEnvironment).map(([name, value]) => `${name}=${value}`)
  const lines = [
    `export ${variables.join(' ')}`,
    `export ktest_failfast=${failFast} ktest_out="$results" ktest_dir="$work/files" ktest_no_cleanup_tmpdir=1`,
    '[ "$work" = /dpbench ] && ln -sfn "$work/files" /ktest && ln -sfn "$results" /ktest-out && mkdir -p "$results/out"',
  ]
  const prefix = ktest!.firstDisk.slice(0, 2)
  const names = [...lettersAfterA].map((letter) => `/dev/${prefix}${letter}`).join(' ')
  // ktest's root is on the first disk, so its tests begin with the second: from the last on, each moves up by one
  return [
    ...lines,
    'moved=',
    `set -- ${names}`,
    'for disk in $DPBENCH_SCRATCH; do moved="$disk $1 $moved"; shift; done',
    'set -- $moved',
    'DPBENCH_SCRATCH=',
    'while [ $# -gt 0 ]; do',
    `\t[ "$1" = "$2" ] || ${prefix === 'vd' ? 'mv' : 'ln -sfn'} "$1" "$2"`,
    '\tDPBENCH_SCRATCH="$2 $DPBENCH_SCRATCH"; shift 2',
    'done',
  ].join('\n')
}

async function archiveOf(staged: StagedRun): Promise<string> {
  const { stdout } = await runLocally(
    ['sh', '-c', 'tar -c -C "$1" . | gzip -n | base64 | sed "s/^/# /"', 'sh', join(staged.folder, 'files')],
    { timeoutMs: 300_000 },
  )
  return `# DPBENCH_ARCHIVE\n${stdout}`
}
