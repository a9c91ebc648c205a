/** How long a series goes on: as long per run as those that were measured took. */
import type { Attempt } from './state.ts'

export class Pace {
  readonly #usableMs: number[] = []
  #totalMs = 0

  /** A run that was cut short says nothing about the others. */
  learn({ startedAt, endedAt, outcome }: Attempt): void {
    if (endedAt === undefined) return
    const ms = Date.parse(endedAt) - Date.parse(startedAt)
    this.#totalMs += ms
    if (outcome === 'usable') this.#usableMs.push(ms)
  }

  /** Of so many runs that are to come, in words; `undefined` as long as none was measured. */
  left(runs: number): string | undefined {
    const count = this.#usableMs.length
    if (count === 0) return undefined
    return durationText((this.#usableMs.reduce((sum, ms) => sum + ms, 0) / count) * runs)
  }

  get totalMs(): number {
    return this.#totalMs
  }
}

/** `45 s`, `12 min`, `2 h 5 min` */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const rest = minutes % 60
  return `${Math.floor(minutes / 60)} h${rest === 0 ? '' : ` ${rest} min`}`
}
