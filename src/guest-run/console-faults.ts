/**
 * What a kernel says on its console when it can't go on, or should not have; and what it only complains of. Pure.
 *
 * A stall is told by the clock: a CPU that is emulated, or shared with others, stands still for seconds and comes back. So
 * it ends nothing; a kernel that really hangs comes to the deadline, and there the stall is named as the cause. Who wants it
 * to end a run has the kernel panic (`softlockup_panic=1`, `sysctl.kernel.panic_on_rcu_stall=1`, `hung_task_panic=1`).
 */
import { fromKernelTime } from '../machine/kernel-trouble.ts'

export interface ConsoleFault {
  readonly kind: 'panic' | 'oops' | 'lock-up'
  /** The index of its line. */
  readonly line: number
}

/** Only the kernel's own lines count, which have its clock before them: a script may print what it likes. */
const stamped = /^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])?\s*(.*)$/
/** `BUG: soft lockup` and `BUG: workqueue lockup` among them, which are no bugs in the sense of the next. */
const stall =
  /\b(?:soft|workqueue) lockup\b|\brcu\w*:? .*\b(?:detected (?:expedited )?stalls?|self-detected stall|kthread starved)\b|^INFO: task .* blocked for more than/
const kinds = [
  ['panic', /^Kernel panic - not syncing/],
  // counted by the CPU's own interrupts, which stand still with it
  ['lock-up', /\bhard LOCKUP\b/],
  [
    'oops',
    /^(?:BUG: |kernel BUG at |Oops\b|Internal error: Oops|general protection fault|Unable to handle kernel)|^.{0,20}\bOops: /,
  ],
] as const

/** The fault that a line begins, after which the run is over; `undefined` for any other line. */
export function faultKindOf(line: string): ConsoleFault['kind'] | undefined {
  const text = kernelText(line)
  if (text === undefined) return line.startsWith('Kernel panic - not syncing') ? 'panic' : undefined
  return stall.test(text) ? undefined : kinds.find(([, pattern]) => pattern.test(text))?.[0]
}

/** The worst fault among `lines`: a panic that follows an oops is the panic. */
export function findFault(lines: readonly string[]): ConsoleFault | undefined {
  let worst: ConsoleFault | undefined
  for (const [line, text] of lines.entries()) {
    const kind = faultKindOf(text)
    if (kind === undefined || (worst && (kind !== 'panic' || worst.kind === 'panic'))) continue
    worst = { kind, line }
  }
  return worst
}

/** The index of the line that tells the first stall, -1 for none. */
export function findStall(lines: readonly string[]): number {
  return lines.findIndex((line) => stall.test(kernelText(line) ?? ''))
}

const mostComplaints = 5

/** Sentences on what the kernel said and went on: stalls and warnings, each text once. */
export function complaints(lines: readonly string[]): string[] {
  const said = new Set<string>()
  for (const line of lines) {
    const text = kernelText(line) ?? ''
    if (stall.test(text) || text.startsWith('WARNING: ')) said.add(text)
  }
  const notes = [...said].slice(0, mostComplaints).map((text) => `the kernel complained and went on: ${text}`)
  return said.size > mostComplaints
    ? [...notes, `the kernel complained ${said.size - mostComplaints} times more: see the console`]
    : notes
}

/** A line of the kernel's own, without its clock. */
export function kernelText(line: string): string | undefined {
  return (stamped.exec(line) ?? stamped.exec(fromKernelTime(line)))?.[1]
}
