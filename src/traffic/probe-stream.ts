/**
 * A steady stream of small packets to a machine that answers each from its kernel, by iputils' ping: with `-D` and `-O` it tells
 * each answer, and each packet that had none when the next one was sent, with the time. One machine's clock tells all of it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { MeasurementError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { runVariable } from '../machine/marked-processes.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'

export interface ProbeAnswer {
  readonly sequence: number
  /** When the answer came, by the sender's clock, epoch milliseconds. */
  readonly atMs: number
  readonly rttMs: number
}

/** A packet that had no answer when the next one was sent, and when that was. The answer may come late. */
export interface ProbeSilence {
  readonly sequence: number
  readonly atMs: number
}

export interface Probes {
  readonly answers: readonly ProbeAnswer[]
  readonly silences: readonly ProbeSilence[]
}

/**
 * Between two packets. While an answer is outstanding ping waits 10 ms at least (MININTERVAL of iputils), so a shorter interval
 * would not tell the end of an outage any better.
 */
export const probeIntervalMs = 5
/** The most that Linux gives unasked: ping's own few packets would fill up behind a neighbour that does not answer. */
const sendBufferBytes = 212_992
/** Ping numbers its packets with 16 bits: beyond it no packet is known by its number. */
const mostProbes = 65_000

export interface ProbeStream {
  /** What has been told so far; grows. */
  readonly probes: Probes
  /** All that ping wrote. */
  readonly text: string
  /** Waits until `done` says so of what has been told. @throws MeasurementError when ping ends before, or `timeoutMs` passes */
  until(what: string, done: (probes: Probes) => boolean, timeoutMs: number): Promise<void>
  /** Ends it. */
  stop(): Promise<void>
}

export interface ProbeOptions {
  readonly address: string
  readonly runId: string
  readonly signal: AbortSignal
}

/** How often `until` looks at what has come. */
const lookMs = 20

export function startProbes(from: TrafficEnd, { address, runId, signal }: ProbeOptions): ProbeStream {
  const answers: ProbeAnswer[] = []
  const silences: ProbeSilence[] = []
  const lines: string[] = []
  const ending = new AbortController()
  let ended: string | undefined
  const often = ['-n', '-D', '-O', '-i', String(probeIntervalMs / 1000), '-c', String(mostProbes)]
  often.push('-S', String(sendBufferBytes))
  const script = `export LC_ALL=C ${runVariable}="$1"; shift; exec ping "$@"`
  const ping = async (): Promise<void> => {
    const { stderr, exitCode } = await from.ssh.tryRun(shell(script, runId, ...often, address), {
      timeoutMs: (mostProbes * probeIntervalMs * 3) / 2,
      signal: AbortSignal.any([signal, ending.signal]),
      as: { kind: 'command', name: `ping ${often.join(' ')} ${address}` },
      onLine(line) {
        lines.push(line)
        const told = parseProbeLine(line)
        if (!told) return
        if (told.rttMs === undefined) silences.push(told)
        else answers.push(told)
      },
    })
    ended = stderr.trim() || lines.at(-1) || `exit status ${exitCode ?? 'unknown'}`
  }
  const running = ping()
  running.catch(() => undefined) // thrown by whoever waits
  const probes = { answers, silences }
  return {
    probes,
    get text() {
      return `${lines.join('\n')}\n`
    },
    async until(what, done, timeoutMs) {
      const deadline = performance.now() + timeoutMs
      while (!done(probes)) {
        signal.throwIfAborted()
        if (ended !== undefined) {
          await running
          throw new MeasurementError(`${from.name}: ping ${address} ended before ${what}: ${ended}`)
        }
        if (performance.now() > deadline)
          throw new MeasurementError(
            `${from.name}: ${what}: not within ${Math.round(timeoutMs / 1000)} s (ping ${address})`,
          )
        await Promise.race([delay(lookMs, undefined, { signal }), running])
      }
    },
    async stop() {
      ending.abort()
      await running.catch(() => undefined)
    },
  }
}

/** One line of `ping -D -O`; `undefined` for one that tells of no packet, and for an answer that came twice. */
export function parseProbeLine(line: string): ProbeAnswer | (ProbeSilence & { rttMs?: never }) | undefined {
  const [, at, rest = ''] = /^\[(\d+\.\d+)\] (.*)$/.exec(line) ?? []
  if (at === undefined || rest.includes('DUP')) return undefined
  const atMs = Number(at) * 1000
  const [, silent] = /^no answer yet for icmp_seq=(\d+)/.exec(rest) ?? []
  if (silent !== undefined) return { sequence: Number(silent), atMs }
  const [, sequence, rtt] = /\bicmp_seq=(\d+) .*\btime=(\d{1,9}(?:\.\d{1,9})?) ms/.exec(rest) ?? []
  return sequence === undefined ? undefined : { sequence: Number(sequence), atMs, rttMs: Number(rtt) }
}
