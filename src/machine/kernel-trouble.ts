/**
 * What a kernel says on its console or in its log when it, or what runs on it, is no longer to be trusted. The texts are
 * those of Linux 4.x to 6.x: kernel/panic.c, arch/x86/kernel/{dumpstack,traps}.c, arch/x86/mm/fault.c, arch/arm64/kernel/traps.c,
 * mm/oom_kill.c, kernel/{watchdog,hung_task}.c, kernel/rcu/tree_stall.h, lib/dump_stack.c.
 */

export type TroubleKind =
  | 'panic'
  | 'oops'
  | 'out of memory'
  | 'soft lockup'
  | 'hard lockup'
  | 'hung task'
  | 'RCU stall'

export interface KernelTrouble {
  readonly kind: TroubleKind
  /** The line that says it, and those after it that belong to it; bounded. */
  readonly lines: readonly string[]
}

const signs: readonly (readonly [TroubleKind, RegExp])[] = [
  ['panic', /\bKernel panic - not syncing\b/],
  // the allocation of a control group is bounded on purpose, and still kills: the test says what it expects
  ['out of memory', /\b(Memory cgroup o|O)ut of memory: Kill(ed)? process\b/],
  ['out of memory', /\binvoked oom-killer:/],
  ['soft lockup', /\bBUG: soft lockup - CPU#\d+ stuck for\b/],
  ['hard lockup', /\bWatchdog detected hard LOCKUP on cpu\b/i],
  ['hung task', /\bINFO: task .+ blocked for more than \d+ seconds\b/],
  ['hung task', /\bINFO: task .+ blocked in I\/O wait for more than \d+ seconds\b/],
  ['RCU stall', /\brcu\S*: INFO: \S+ (self-)?detected (expedited )?stalls?\b/],
  ['RCU stall', /\bINFO: rcu_\w+ (self-)?detected (expedited )?stalls?\b/],
  [
    'oops',
    /\bBUG: (unable to handle|kernel NULL pointer dereference|Bad page (state|map)|KASAN:|KFENCE:|scheduling while atomic|sleeping function called)/,
  ],
  ['oops', /\bUnable to handle kernel .* at virtual address\b/],
  ['oops', /\bkernel BUG at \S+:\d+!/],
  [
    'oops',
    /\b(general protection fault|invalid opcode|double fault|divide error|stack segment|page fault|bounds)\b.*: [0-9a-f]{4} \[#\d+\]/i,
  ],
  ['oops', /\b(Oops|Internal error: Oops)(: | - )[0-9a-f]+/],
]

/** A line that begins with the time or a priority that consoles, dmesg and journald write before it. */
const prefix = /^(<\d+>)?(\[\s*\d+\.\d+\](\[\s*[TC]\d+\])?\s?)?/

/** So many lines after the one that says it: its trace, up to what is said next. */
const mostLines = 30

/** Every trouble in the text, in its order. One that leads to the next (an oops to a panic) is told as both. */
export function kernelTrouble(text: string): KernelTrouble[] {
  const lines = text.replaceAll('\r', '').split('\n')
  const found: { kind: TroubleKind; at: number }[] = []
  for (const [at, line] of lines.entries()) {
    const kind = signs.find(([, sign]) => says(sign, line))?.[0]
    // the second line of the same trouble: `Oops: 0002` after `BUG: unable to handle`
    if (kind !== undefined && !(found.at(-1)?.kind === kind && at - found.at(-1)!.at < 12))
      found.push({ kind, at })
  }
  return found.map(({ kind, at }, index) => {
    const until = Math.min(found[index + 1]?.at ?? lines.length, at + mostLines)
    return { kind, lines: trimmed([fromKernelTime(lines[at]!), ...lines.slice(at + 1, until)]) }
  })
}

/** Before the message there may be a subsystem (`watchdog: `), or the program that ran (`stress invoked …`), and no more. */
const mayPrecede = /^(?:[\w.@/-]+: |[\w.@/:-]+ )?$/

/** Up to the kernel's own time, which has six decimals, within a line. */
const beforeTime = /^.*?\S.*?(?=\[\s*\d+\.\d{6}\])/

/** A line of a console from where the kernel begins to speak: a prompt, or half a line of a program's, may stand before. */
export function fromKernelTime(line: string): string {
  return line.replace(beforeTime, '')
}

/** The kernel begins a line with its time, or with the message: who prints the text of a message does not. */
function says(sign: RegExp, line: string): boolean {
  const said = fromKernelTime(line)
  const rest = said.replace(prefix, '')
  const found = sign.exec(rest)
  return found !== null && (rest !== said || mayPrecede.test(rest.slice(0, found.index)))
}

/** Without the empty lines at the end, and without what the next program says after the trace's end. */
function trimmed(lines: readonly string[]): string[] {
  const end = lines.findIndex((line, at) => at > 0 && /---\[ end (trace|Kernel panic)/.test(line))
  const kept = end < 0 ? [...lines] : lines.slice(0, end + 1)
  while (kept.at(-1)?.trim() === '') kept.pop()
  return kept
}

/** For an error: the machine, what happened, the lines. */
export function describeTrouble(machine: string, trouble: readonly KernelTrouble[]): string {
  const kinds = [...new Set(trouble.map(({ kind }) => kind))].join(', ')
  const lines = trouble.flatMap((each) => each.lines).map((line) => `  ${line}`)
  return `${machine}: its kernel reports trouble (${kinds}):\n${lines.join('\n')}`
}
