/**
 * The subtests of a run, followed by the marks that ktest's tests print: `========= TEST   name`, `PASSED name in 3s`,
 * `FAILED name`, `NOTRUN name`. Each is NOT STARTED until its mark comes. Pure: times are given.
 */
import { keptName } from './safe-names.ts'

export type SubtestStatus = 'NOT STARTED' | 'RUNNING' | 'PASSED' | 'FAILED' | 'NOTRUN' | 'TIMEOUT'

export interface Subtest {
  readonly name: string
  readonly status: SubtestStatus
  /** Between its two marks on the host's clock. */
  readonly durationMs: number
  readonly log: readonly string[]
}

interface Running {
  readonly name: string
  status: SubtestStatus
  begunMs: number
  durationMs: number
  readonly log: string[]
}

const mark = /^=+ (TEST|PASSED|FAILED|NOTRUN)\s+(\S+)/
/** A subtest that prints without end keeps its beginning. */
const mostLines = 100_000
/** What a script marks beyond that, without having listed it, is output like any other. */
const mostSubtests = 2000

export class SubtestBoard {
  private readonly subtests = new Map<string, Running>()
  private current: Running | undefined

  constructor(names: readonly string[]) {
    for (const name of names) this.seed(name)
  }

  /** The name of the subtest that runs. */
  get running(): string | undefined {
    return this.current?.name
  }

  /** Takes a line of the script's output. `begun` and `ended`: what it was the mark of. */
  line(text: string, nowMs: number): 'begun' | 'ended' | undefined {
    const [, word, name] = mark.exec(text) ?? []
    if (word === undefined || name === undefined || name === 'TIMEOUT') {
      this.keep(text)
      return undefined
    }
    if (word === 'TEST') return this.begin(name, text, nowMs)
    this.keep(text)
    return this.end(name, word as 'PASSED' | 'FAILED' | 'NOTRUN', nowMs)
  }

  /** The one that runs has not ended when the run did. */
  cutShort(status: 'FAILED' | 'TIMEOUT', nowMs: number): void {
    if (!this.current) return
    this.current.status = status
    this.current.durationMs = nowMs - this.current.begunMs
    this.current = undefined
  }

  all(): readonly Subtest[] {
    return [...this.subtests.values()]
  }

  private seed(name: string): Running {
    const subtest: Running = { name, status: 'NOT STARTED', begunMs: 0, durationMs: 0, log: [] }
    this.subtests.set(name, subtest)
    return subtest
  }

  private begin(name: string, text: string, nowMs: number): 'begun' | undefined {
    // run.sh marks each subtest, and a test with ktest's library marks it again
    if (this.current?.name === name) return undefined
    this.cutShort('FAILED', nowMs)
    if (!this.subtests.has(name) && this.subtests.size >= mostSubtests) return undefined
    const subtest = this.subtests.get(name) ?? this.seed(name)
    this.current = subtest
    if (subtest.status === 'NOT STARTED') subtest.begunMs = nowMs
    if (subtest.status !== 'FAILED') subtest.status = 'RUNNING'
    this.keep(text)
    return 'begun'
  }

  private end(name: string, status: 'PASSED' | 'FAILED' | 'NOTRUN', nowMs: number): 'ended' | undefined {
    const subtest = this.subtests.get(name)
    if (!subtest || subtest.status === 'NOT STARTED') {
      if (!subtest || status !== 'NOTRUN') return undefined
      subtest.status = 'NOTRUN'
      return undefined
    }
    // the mark of the script's exit status comes after its own: the worse of the two counts
    if (subtest.status === 'RUNNING' || status === 'FAILED') subtest.status = status
    if (this.current !== subtest) return undefined
    subtest.durationMs = nowMs - subtest.begunMs
    this.current = undefined
    return 'ended'
  }

  private keep(text: string): void {
    if (this.current && this.current.log.length < mostLines) this.current.log.push(text)
  }
}

/** The name of a subtest's folder, as ktest has it: `generic/001` → `generic.001`. */
export function subtestFolder(name: string): string {
  return keptName(name.replaceAll('/', '.'))
}
