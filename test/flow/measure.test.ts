/** Rounds of the flow tool, with a tool that gives recorded outputs: what makes them valid. */
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type CommandResult, answered } from '../../src/core/command-result.ts'
import { type FlowPath, measureFlows } from '../../src/flow/measure.ts'
import { bitsPerSecondOf } from '../../src/flow/plan.ts'
import { fixture } from '../traffic/fixtures.ts'

const result = (stdout: string): CommandResult => answered('a', [], stdout)

function framed(port: number, out: string): string {
  const files = { at: '', status: '0\n', out, err: '' }
  return Object.entries(files)
    .map(([name, text]) => `${port} ${name} ${Buffer.byteLength(text)}\n${text}`)
    .join('')
}

/** A flow whose data connection has segments of `mss` bytes in the sender's kernel, or is not seen at all. */
function pathWith(mss: number | undefined): FlowPath {
  const socket = `0 0 10.0.0.1:4000 10.0.0.2:5201\n\t cubic mss:${mss} bytes_sent:9\n`
  return {
    from: {
      name: 'a',
      ssh: {
        run: async () => result(mss === undefined ? '' : socket),
        tryRun: async () => {
          await delay(2300) // past the middle of the round, where the sockets are looked at
          return result(framed(5201, fixture('staggered-1.client')))
        },
      },
    },
    to: {
      name: 'b',
      serve: async () => ({
        stop: async () => undefined,
        finish: async () =>
          new Map([
            [
              5201,
              { exitCode: 0, stdout: fixture('staggered-1.server'), stderr: '', launchedAtMs: undefined },
            ],
          ]),
      }),
    },
    address: '10.0.0.2',
    family: 'ipv4',
    socketBufferBytes: 10_000_000,
  }
}

describe('a round with a segment size that was asked for', () => {
  const measured = async (mss: number | undefined) => {
    const plan = { flowCounts: [1], runSeconds: 1, rounds: 1, mss: 1000, firstPort: 5201 }
    const ignore = async (): Promise<void> => undefined
    const signal = new AbortController().signal
    const [round] = await measureFlows(pathWith(mss), plan, {
      runId: 'r',
      signal,
      onRaw: ignore,
      onRound: ignore,
    })
    return round!
  }

  test.concurrent('is valid when the kernel used it, timestamps counted in', async ({ expect }) => {
    const round = await measured(988)
    expect(round.reasons).toEqual([])
    expect(bitsPerSecondOf(round)).toBeGreaterThan(1e9)
  })

  test.concurrent('is INVALID when the kernel used another', async ({ expect }) => {
    const round = await measured(1448)
    expect(round.reasons.map(({ message }) => message)).toEqual([
      'repetition 1: flow 1 (a → b): segments carry 1448 B, and 1000 B were asked for',
    ])
    expect(bitsPerSecondOf(round)).toBeUndefined()
  })

  test.concurrent('is INVALID when nobody saw the connection', async ({ expect }) => {
    const round = await measured(undefined)
    expect(round.reasons.map(({ rule }) => rule)).toEqual(['flow-error'])
    expect(bitsPerSecondOf(round)).toBeUndefined()
  })
})

test('plans without a segment size look at no socket', async () => {
  const path = pathWith(undefined)
  const asked: string[] = []
  const from = {
    ...path.from,
    ssh: { ...path.from.ssh, run: async (argv: readonly string[]) => (asked.push(argv[0]!), result('')) },
  }
  const ignore = async (): Promise<void> => undefined
  const plan = { flowCounts: [1], runSeconds: 1, rounds: 1, firstPort: 5201 }
  const options = { runId: 'r', signal: new AbortController().signal, onRaw: ignore, onRound: ignore }
  const [round] = await measureFlows({ ...path, from }, plan, options)
  expect(round!.reasons).toEqual([])
  expect(asked).toEqual([])
})
