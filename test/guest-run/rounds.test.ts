import { expect, test } from 'vitest'
import { type RoundsOptions, runInRounds } from '../../src/guest-run/rounds.ts'

/** Runs scripts whose codes come one after the other; resolves with how many ran, and which codes count. */
async function ran(scripts: number, codes: readonly number[], options: Partial<RoundsOptions>) {
  const left = [...codes]
  const all = Array.from({ length: scripts }, (_, index) => index)
  const counted = await runInRounds(all, async () => left.shift() ?? 0, {
    times: 1,
    stop: false,
    failFast: false,
    ...options,
  })
  return { runs: codes.length - left.length, counted }
}

test('once: all of them, whatever becomes of each', async () => {
  expect(await ran(3, [0, 1, 0, 9], {})).toEqual({ runs: 3, counted: [0, 1, 0] })
})

test('-F: none after the first that fails', async () => {
  expect(await ran(3, [0, 1, 0], { failFast: true })).toEqual({ runs: 2, counted: [0, 1] })
})

test('-S: none after the first that succeeds, and that is what counts', async () => {
  expect(await ran(3, [1, 0, 1], { stop: true })).toEqual({ runs: 2, counted: [1, 0] })
  expect(await ran(3, [1, 3, 1], { stop: true })).toEqual({ runs: 3, counted: [1, 3, 1] })
})

test('-L: rounds until one has a failure, and that round to its end', async () => {
  const rounds: number[] = []
  const options = { times: Infinity, onRound: (round: number) => void rounds.push(round) }
  expect(await ran(2, [0, 0, 0, 0, 1, 0, 9], options)).toEqual({ runs: 6, counted: [0, 0, 0, 0, 1, 0] })
  expect(rounds).toEqual([1, 2, 3])
})

test('-L --times: so often at most', async () => {
  expect(await ran(1, [0, 0, 0, 0, 0], { times: 3 })).toEqual({ runs: 3, counted: [0, 0, 0] })
})

test('-LF: not even the rest of the round', async () => {
  expect(await ran(2, [0, 0, 1, 0], { times: Infinity, failFast: true })).toEqual({
    runs: 3,
    counted: [0, 0, 1],
  })
})

test('-LS: failures do not end it, and the success is what counts', async () => {
  expect(await ran(1, [1, 3, 1, 0, 1], { times: Infinity, stop: true })).toEqual({ runs: 4, counted: [0] })
  expect(await ran(1, [1, 1, 1], { times: 2, stop: true })).toEqual({ runs: 2, counted: [1, 1] })
})
