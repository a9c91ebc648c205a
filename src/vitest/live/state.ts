/** What a run is at, as a screen shows it: from what workers and Vitest tell. */
import type { MeasurementProfile } from '../../verdict/verdict.ts'
import type { TestState } from '../../report/outcome.ts'

/** From a worker, as it comes. */
export type LiveEvent =
  | { readonly kind: 'phase'; readonly id: number; readonly name: string; readonly state: 'begun' | 'ended' }
  /** The machines of the measurement that begins. */
  | { readonly kind: 'machines'; readonly machines: readonly string[] }
  /** What comes in at a machine's data NIC now. */
  | { readonly kind: 'rate'; readonly machine: string; readonly bitsPerSecond: number }

export interface DoneTest {
  readonly name: string
  readonly mode: string
  readonly state: TestState
  /** `9.41 ± 0.12 Gbit/s` */
  readonly figure?: string | undefined
  readonly seconds: number
}

interface Running {
  readonly name: string
  readonly mode: string
  readonly sinceMs: number
}

/** Times are `performance.now()`. */
export class LiveState {
  readonly sinceMs: number
  readonly profile: MeasurementProfile
  /** By machine: what it is on. */
  readonly places: ReadonlyMap<string, string>
  mode: string | undefined
  test: Running | undefined
  machines: readonly string[] = []
  /** What the last repetition came to. */
  progress: string | undefined
  readonly phases = new Map<number, { readonly name: string; readonly sinceMs: number }>()
  readonly rates = new Map<string, { readonly bitsPerSecond: number; readonly atMs: number }>()
  readonly done: DoneTest[] = []
  /** How many tests each suite of each mode has: unknown before it is read. */
  readonly suites: { readonly mode: string; readonly suite: string; tests: number | undefined }[] = []

  constructor(profile: MeasurementProfile, places: ReadonlyMap<string, string>, nowMs: number) {
    this.profile = profile
    this.places = places
    this.sinceMs = nowMs
  }

  suiteRead(mode: string, suite: string, tests: number): void {
    const found = this.suites.find((each) => each.mode === mode && each.suite === suite)
    if (found) found.tests = tests
    else this.suites.push({ mode, suite, tests })
  }

  testBegins(name: string, mode: string, nowMs: number): void {
    if (mode !== this.mode) this.phases.clear()
    this.mode = mode
    this.test = { name, mode, sinceMs: nowMs }
    this.clearTest()
  }

  testEnds(test: DoneTest): void {
    this.done.push(test)
    this.test = undefined
    this.clearTest()
  }

  private clearTest(): void {
    this.machines = []
    this.progress = undefined
    this.rates.clear()
  }

  take(event: LiveEvent, nowMs: number): void {
    switch (event.kind) {
      case 'phase':
        this.rates.clear()
        if (event.state === 'ended') this.phases.delete(event.id)
        else this.phases.set(event.id, { name: event.name, sinceMs: nowMs })
        return
      case 'machines':
        this.machines = event.machines
        return
      case 'rate':
        this.rates.set(event.machine, { bitsPerSecond: event.bitsPerSecond, atMs: nowMs })
    }
  }
}
