/** The command line of `dpbench guest run`. */
import { UsageError } from '../src/core/errors.ts'
import type { Key, Setting } from '../src/guest-run/declaration.ts'
import { parseSize } from '../src/guest-run/quantities.ts'
import { type UploadLimits, defaultUploadLimits } from '../src/guest-run/uploads.ts'
import { type OptionSpec, refuseUnknown, takeOptions, takeRepeated } from './options.ts'

/** Options that stand in the place of a key of the script, or add to its list. */
const keyOptions: readonly (OptionSpec & { readonly key: Key })[] = [
  { name: 'mem', key: 'MEM', value: 'SIZE', help: 'memory of the guest, in the place of MEM' },
  { name: 'cpus', key: 'CPUS', value: 'N', help: 'in the place of CPUS' },
  { name: 'scratch', key: 'SCRATCH', value: 'SIZE,…', help: 'disks, after those of SCRATCH' },
  { name: 'require', key: 'REQUIRE', value: 'FILE,…', help: 'files and programs, with those of REQUIRE' },
  { name: 'timeout', key: 'TIMEOUT', value: 'TIME', help: 'for the run, or each subtest: 90, 90s, 10m' },
  { name: 'kernel-args', key: 'KERNEL_ARGS', value: 'ARGS', help: 'after those of KERNEL_ARGS' },
  { name: 'network', key: 'NETWORK', value: 'user|none', help: 'none: the script runs with its NICs down' },
]

const switches: Readonly<Record<string, string>> = {
  I: 'interactive',
  S: 'stop',
  F: 'fail-fast',
  L: 'loop',
}

export const guestRunOptions: readonly OptionSpec[] = [
  ...keyOptions,
  { name: 'test', value: 'NAME', help: 'only this subtest; may be given several times' },
  { name: 'source-tree', value: 'DIR', help: 'where LREQUIRE is looked up; default: the working directory' },
  { name: 'kernel', value: 'BZIMAGE', help: 'boot this kernel' },
  { name: 'initrd', value: 'FILE', help: 'with --kernel: its initial file system' },
  { name: 'modules', value: 'DIR', help: 'with --kernel: a folder with lib/modules/<release>' },
  {
    name: 'kernel-source',
    value: 'DIR',
    help: 'build a kernel of this source tree, out of tree, and boot it',
  },
  { name: 'kernel-config', value: 'FILE', help: 'with --kernel-source: begin with this configuration' },
  {
    name: 'gdb',
    help: 'the guest waits for gdb at a socket that is told; best with -I, which has no deadline',
  },
  { name: 'gem5', value: 'PROGRAM', help: 'run in this gem5, with --gem5-config and a kernel for it' },
  {
    name: 'gem5-config',
    value: 'FILE',
    help: 'with --gem5: the script of the simulated machine, fs.py or alike',
  },
  { name: 'on', value: 'HYPERVISOR', help: 'run on a hypervisor of the config; default: this machine' },
  { name: 'env-config-file', value: 'FILE', help: 'with --on: the config' },
  { name: 'env-config-name', value: 'NAME', help: 'with --on: which config of a file that holds several' },
  {
    name: 'wait-for-lease',
    value: 'SECONDS',
    help: 'with --on: wait for a hypervisor that somebody else uses; default: 0',
  },
  { name: 'port', value: 'PORT', help: 'serve files at this port, 0: any; default: 3003, or any if taken' },
  {
    name: 'success',
    value: 'REGEX',
    help: 'a line of the output that means success; default: ^TEST SUCCESS',
  },
  { name: 'failure', value: 'REGEX', help: 'a line that means failure; default: ^TEST FAILED' },
  { name: 'upload-limit', value: 'SIZE', help: 'the most that all uploads may take; default: 1G' },
  { name: 'interactive', help: '-I: leave the VM at a shell after the script, without a deadline' },
  { name: 'stop', help: '-S: end with the first run that succeeds' },
  { name: 'fail-fast', help: '-F: end with the first subtest or run that fails' },
  { name: 'loop', help: '-L: again and again, each time in a fresh VM, until a run fails' },
  { name: 'times', value: 'N', help: 'with --loop: at most so often' },
  { name: 'tag', value: 'NAME', help: 'the name of the results folder' },
  { name: 'list', help: 'print the scripts and their subtests as JSON, and run nothing' },
  { name: 'dry-run', help: 'print what the scripts declare and how the VM would be started' },
]

export interface GuestRunRequest {
  readonly scripts: readonly string[]
  readonly only: readonly string[]
  readonly overriding: readonly Setting[]
  readonly success?: RegExp | undefined
  readonly failure?: RegExp | undefined
  readonly port?: number | undefined
  readonly limits: UploadLimits
  readonly times: number
  readonly waitForLease?: number | undefined
  text(name: string): string | undefined
  has(name: string): boolean
}

/** @throws UsageError with every fault */
export function parseGuestRun(argv: readonly string[]): GuestRunRequest {
  const only = takeRepeated(
    expandSwitches(argv),
    guestRunOptions.find(({ name }) => name === 'test')!,
  )
  const { values, rest } = takeOptions(only.rest, guestRunOptions)
  refuseUnknown(rest, guestRunOptions)
  const faults: string[] = []
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const has = (name: string): boolean => name in values
  const whole = (name: string, least: number, most: number): number | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    if (/^\d+$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value)
    faults.push(`--${name} ${value}: give a whole number from ${least} to ${most}`)
    return undefined
  }
  if (rest.length === 0) faults.push('name a script: dpbench guest run [options] SCRIPT…')
  if (has('kernel') && has('kernel-source')) faults.push('give --kernel or --kernel-source, not both')
  for (const name of ['initrd', 'modules'])
    if (has(name) && !has('kernel')) faults.push(`--${name} goes with --kernel`)
  if (has('kernel-config') && !has('kernel-source')) faults.push('--kernel-config goes with --kernel-source')
  if (has('gem5') !== has('gem5-config')) faults.push('--gem5 and --gem5-config go together')
  for (const name of ['gem5', 'gdb'])
    if (has(name) && has('on'))
      faults.push(`--${name} is for this machine, and --on for another: give one of them`)
  if (has('wait-for-lease') && !has('on')) faults.push('--wait-for-lease goes with --on')
  if (has('times') && !has('loop')) faults.push('--times goes with --loop')
  if (has('interactive') && rest.length > 1) faults.push('--interactive takes one script')
  const limit = text('upload-limit')
  const totalBytes = limit === undefined ? defaultUploadLimits.totalBytes : parseSize(limit)
  if (totalBytes === undefined) faults.push(`--upload-limit ${limit}: give a size, 512M or 2G`)
  const request: GuestRunRequest = {
    scripts: rest,
    only: only.values,
    overriding: keyOptions.flatMap(({ name, key }) => {
      const value = text(name)
      return value === undefined ? [] : [{ key, value, where: `--${name}` }]
    }),
    success: pattern('success', text, faults),
    failure: pattern('failure', text, faults),
    port: whole('port', 0, 65_535),
    limits: {
      files: defaultUploadLimits.files,
      totalBytes: totalBytes ?? 0,
      fileBytes: limit === undefined ? defaultUploadLimits.fileBytes : (totalBytes ?? 0),
    },
    waitForLease: whole('wait-for-lease', 0, 99_999),
    times: whole('times', 1, 1_000_000) ?? (has('loop') ? Infinity : 1),
    text,
    has,
  }
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return request
}

/** `-ISF` as ktest takes it: each letter is a switch. */
function expandSwitches(argv: readonly string[]): string[] {
  return argv.flatMap((argument) => {
    const letters = /^-([A-Za-z]+)$/.exec(argument)?.[1]
    if (letters === undefined) return [argument]
    return [...letters].map((letter) => {
      const name = switches[letter]
      if (name === undefined)
        throw new UsageError(`-${letter} is no switch: -I interactive, -S stop, -F fail fast, -L loop`)
      return `--${name}`
    })
  })
}

function pattern(
  name: string,
  text: (name: string) => string | undefined,
  faults: string[],
): RegExp | undefined {
  const source = text(name)
  try {
    return source === undefined ? undefined : new RegExp(source)
  } catch (error) {
    faults.push(`--${name} '${source}' is no regular expression: ${(error as Error).message}`)
    return undefined
  }
}
