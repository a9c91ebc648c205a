/** What became of a guest run: evidence → outcome, with a sentence and the lines that show it. Pure. */
import { findFault, findStall, kernelText } from './console-faults.ts'
import type { GuestEnd } from './launcher.ts'
import type { Subtest } from './subtests.ts'

export type Outcome =
  | 'success'
  /** The script said so, or a subtest failed, was cut short or never began. */
  | 'failed'
  | 'panic'
  | 'oops'
  | 'lock-up'
  /** Switched off with neither success nor failure said. */
  | 'powered-off'
  | 'reset'
  | 'timeout'
  /** The guest never fetched its script. */
  | 'not-started'
  /** The VM's process died. */
  | 'died'

export interface Evidence {
  readonly end: GuestEnd
  /** The deadline at which the run was ended, where it was. */
  readonly timedOut?: { readonly afterMs: number; readonly subtest?: string | undefined }
  /** The serial console's lines. */
  readonly console: readonly string[]
  /** The script's output as it was sent at the end, and `results.log` where the script sent one; empty: none came. */
  readonly output: readonly string[]
  readonly fetched: boolean
  readonly exitStatus: number | undefined
  readonly subtests: readonly Subtest[]
  readonly success: RegExp
  readonly failure: RegExp
}

export interface GuestVerdict {
  readonly outcome: Outcome
  readonly sentence: string
  /** Of the console or the output, at most `mostLines`. */
  readonly lines: readonly string[]
}

/** As ktest's tests say it, at the beginning of a line: a shell that traces its commands prints `+ echo TEST SUCCESS`. */
export const successPattern = /^TEST SUCCESS\b/
export const failurePattern = /^TEST FAILED\b/

const mostLines = 20

export function judge(evidence: Evidence): GuestVerdict {
  return (
    kernelFault(evidence) ??
    timeout(evidence) ??
    failedSubtests(evidence) ??
    saidFailure(evidence) ??
    saidSuccess(evidence) ??
    endWithoutWord(evidence)
  )
}

function kernelFault({ console, end }: Evidence): GuestVerdict | undefined {
  const fault = findFault(console)
  if (!fault) return undefined
  const first = saidBy(console[fault.line]!)
  const after = end.how === 'reset' ? ', and the guest reset itself' : ''
  const what = { panic: 'the kernel panicked', oops: 'the kernel faulted', 'lock-up': 'the kernel locked up' }
  // what led to a panic stands before it
  const from = fault.kind === 'panic' ? Math.max(0, fault.line - 3) : fault.line
  return {
    outcome: fault.kind,
    sentence: `${what[fault.kind]}: ${first}${after}`,
    lines: console.slice(from, from + mostLines),
  }
}

function timeout({ timedOut, fetched, console, output }: Evidence): GuestVerdict | undefined {
  if (!timedOut) return undefined
  const seconds = Math.round(timedOut.afterMs / 1000)
  const stall = findStall(console)
  if (stall >= 0)
    return {
      outcome: 'lock-up',
      sentence: `the kernel locked up, and nothing ended it within ${seconds} s: ${saidBy(console[stall]!)}`,
      lines: console.slice(stall, stall + mostLines),
    }
  const where = timedOut.subtest === undefined ? '' : ` in subtest ${timedOut.subtest}`
  const sentence = fetched
    ? `nothing ended it within ${seconds} s${where}: raise TIMEOUT, or let the script print WATCHDOG <seconds>`
    : `the guest did not fetch its script within ${seconds} s: see the console for how far it booted`
  return { outcome: 'timeout', sentence, lines: last(output.length > 0 ? output : console) }
}

function saidFailure({ failure, ...evidence }: Evidence): GuestVerdict | undefined {
  const all = linesOf(evidence)
  const index = all.findIndex((line) => failure.test(line))
  if (index < 0) return undefined
  return {
    outcome: 'failed',
    sentence: `the script said '${all[index]}'${status(evidence)}`,
    lines: all.slice(Math.max(0, index - mostLines + 1), index + 1),
  }
}

function failedSubtests(evidence: Evidence): GuestVerdict | undefined {
  const broken = notPassed(evidence.subtests)
  // where nothing of it came to run, how the run ended says more
  const begun = evidence.subtests.some((each) => each.status !== 'NOT STARTED')
  if (broken.length === 0 || !begun) return undefined
  const log = broken.find(({ status }) => status !== 'NOT STARTED')?.log ?? []
  return { outcome: 'failed', sentence: `${named(broken)}${ending(evidence)}`, lines: last(log) }
}

function saidSuccess({ success, ...evidence }: Evidence): GuestVerdict | undefined {
  const line = linesOf(evidence).find((each) => success.test(each))
  if (line === undefined || notPassed(evidence.subtests).length > 0) return undefined
  const count = evidence.subtests.length
  const subtests = count === 0 ? '' : `, ${count} ${count === 1 ? 'subtest' : 'subtests'}`
  return { outcome: 'success', sentence: `the script said '${line}'${subtests}`, lines: [] }
}

function endWithoutWord(evidence: Evidence): GuestVerdict {
  const { end, fetched, success } = evidence
  const lines = last(linesOf(evidence))
  const word = `without '${readable(success)}'`
  if (end.how === 'died')
    return { outcome: 'died', sentence: `the VM's process ${end.detail}`, lines: last(evidence.console) }
  if (!fetched) {
    const how =
      end.how === 'reset' ? 'reset itself' : end.how === 'powered-off' ? 'switched itself off' : 'ended'
    const sentence = `the guest ${how} before it had fetched its script: see the console`
    return { outcome: 'not-started', sentence, lines: last(evidence.console) }
  }
  if (end.how === 'reset') return { outcome: 'reset', sentence: `the guest reset itself ${word}`, lines }
  if (evidence.exitStatus !== undefined)
    return { outcome: 'powered-off', sentence: `the script ended ${word}${status(evidence)}`, lines }
  if (end.how === 'stopped') return { outcome: 'failed', sentence: `the run was ended ${word}`, lines }
  return {
    outcome: 'powered-off',
    sentence: `the guest switched itself off ${word}, and before the script had ended`,
    lines,
  }
}

/** What was sent whole is looked at before the console, where the kernel writes in between. */
function linesOf({ output, console }: Pick<Evidence, 'output' | 'console'>): readonly string[] {
  return [...output, ...console]
}

/** A subtest that says NOTRUN has declined, which is no failure. */
function notPassed(subtests: readonly Subtest[]): readonly Subtest[] {
  return subtests.filter(({ status }) => status !== 'PASSED' && status !== 'NOTRUN')
}

function named(broken: readonly Subtest[]): string {
  const shown = broken.slice(0, 5).map(({ name, status }) => `${name} ${status}`)
  return [...shown, ...(broken.length > 5 ? [`and ${broken.length - 5} more`] : [])].join(', ')
}

function ending({ end }: Evidence): string {
  if (end.how === 'reset') return '; the guest reset itself'
  return end.how === 'died' ? `; the VM's process ${end.detail}` : ''
}

function status({ exitStatus }: Pick<Evidence, 'exitStatus'>): string {
  return exitStatus === undefined ? '' : ` (exit status ${exitStatus})`
}

function last(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.trim() !== '').slice(-mostLines)
}

function saidBy(line: string): string {
  return kernelText(line) ?? line
}

function readable(pattern: RegExp): string {
  return pattern.source.replace(/^\^/, '').replace(/\\b$/, '')
}
