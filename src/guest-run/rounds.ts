/** Which scripts run how often: in order, stopped by a success or a failure, and again. Pure but for what it is given. */

export interface RoundsOptions {
  /** Rounds at most; `Infinity` until something ends them. */
  readonly times: number
  /** Ends with the first run that succeeds. */
  readonly stop: boolean
  /** Ends with the first run that fails. */
  readonly failFast: boolean
  readonly onRound?: ((round: number) => void) | undefined
}

/**
 * Runs all of them in rounds; `run` resolves with an exit code. Without `stop`, a round with a failure is the last.
 * @returns the codes that count: all of them, or, where rounds were repeated until a success, those of the last round
 */
export async function runInRounds<T>(
  all: readonly T[],
  run: (each: T) => Promise<number>,
  { times, stop, failFast, onRound }: RoundsOptions,
): Promise<readonly number[]> {
  const before: number[] = []
  for (let round = 1; ; round++) {
    onRound?.(round)
    const codes: number[] = []
    for (const each of all) {
      const code = await run(each)
      codes.push(code)
      if (code === 0 ? stop : failFast) return stop && code === 0 ? codes : [...before, ...codes]
    }
    const failed = codes.some((code) => code !== 0)
    if (round >= times || (failed && !stop)) return [...before, ...codes]
    before.push(...codes)
  }
}
