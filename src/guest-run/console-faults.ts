/** What a kernel says on its console when it can't go on, or should not have. Pure. */

export interface ConsoleFault {
  readonly kind: 'panic' | 'oops' | 'lock-up'
  /** The index of its line. */
  readonly line: number
}

/** Only the kernel's own lines count, which have its clock before them: a script may print what it likes. */
const stamped = /^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])?\s*(.*)$/
const kinds = [
  ['panic', /^Kernel panic - not syncing/],
  [
    'oops',
    /^(?:BUG: |kernel BUG at |Oops\b|Internal error: Oops|general protection fault|Unable to handle kernel|watchdog: BUG: )|^.{0,20}\bOops: /,
  ],
  ['lock-up', /soft lockup|hard LOCKUP|rcu.*detected stalls?|^INFO: task .* blocked for more than/],
] as const

/** The fault that a line begins; `undefined` for any other line. */
export function faultKindOf(line: string): ConsoleFault['kind'] | undefined {
  const text = stamped.exec(line)?.[1]
  if (text === undefined) return line.startsWith('Kernel panic - not syncing') ? 'panic' : undefined
  // a lock-up is told as `watchdog: BUG: soft lockup`
  if (/lockup/i.test(text) && kinds[2][1].test(text)) return 'lock-up'
  return kinds.find(([, pattern]) => pattern.test(text))?.[0]
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
