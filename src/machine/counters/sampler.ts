/** Counts on one machine from now until it is told to end: one remote command, which the machine is left alone by meanwhile. */
import { PassThrough } from 'node:stream'
import { MeasurementError, describeError } from '../../core/errors.ts'
import type { RemoteHost } from '../../transport/host.ts'
import { type CountedUse, countedBetween, seriesBetween } from './difference.ts'
import { type Reading, parseReading, parseSampling } from './reading.ts'
import { readingCommand, readyLine, samplingCommand } from './script.ts'

export interface SamplerOptions {
  /** After which the machine ends the series by itself. */
  readonly mostSeconds: number
  readonly signal?: AbortSignal | undefined
}

export interface Counted {
  readonly use: CountedUse
  /** Without points where the machine has no Bash. */
  readonly series?: { readonly startMs: number; readonly points: number[][] } | undefined
  readonly first: Reading
  readonly second: Reading
}

export interface Sampler {
  /** Ends it and brings back what was counted. @throws MeasurementError, ConnectionError */
  end(): Promise<Counted>
  /** Ends it, whatever it counted; may be called at any time. */
  stop(): Promise<void>
}

type CountedHost = Pick<RemoteHost, 'tryRun'>

/** What the readings themselves may take, on an emulated CPU. */
const readingMs = 30_000

/** Resolves when the first reading is complete. @throws MeasurementError, ConnectionError */
export async function startSampler(host: CountedHost, options: SamplerOptions): Promise<Sampler> {
  const { mostSeconds, signal } = options
  const input = new PassThrough()
  const ready = Promise.withResolvers<number>()
  const running = host.tryRun(samplingCommand(mostSeconds), {
    as: { kind: 'command', name: 'count until told to end' },
    input,
    signal,
    sudo: false,
    timeoutMs: mostSeconds * 1000 + readingMs,
    onLine: (line) => {
      if (line === readyLine) ready.resolve(Date.now())
    },
  })
  const ended = running.then(({ stderr, exitCode }) => {
    throw new MeasurementError(`its counters cannot be read: ${stderr.trim() || `exit status ${exitCode}`}`)
  })
  ended.catch(() => undefined) // heard by the race alone; whoever ends it awaits the command itself
  const startMs = await Promise.race([ready.promise, ended])
  return {
    async stop() {
      input.end()
      await ended.catch(() => undefined)
    },
    async end() {
      input.end()
      const { first, second } = parseSampling((await running).stdout)
      if (!second) return { ...between(first, await readNow(host, signal)), series: undefined }
      const points = seriesBetween(first, second.series, second.reading)
      return { ...between(first, second.reading), series: { startMs, points } }
    },
  }
}

function between(first: Reading, second: Reading): Counted {
  return { use: countedBetween(first, second), first, second }
}

async function readNow(host: CountedHost, signal: AbortSignal | undefined): Promise<Reading> {
  const { stdout, stderr } = await host.tryRun(readingCommand(), {
    as: { kind: 'command', name: 'read the counters' },
    signal,
    sudo: false,
    timeoutMs: readingMs,
  })
  signal?.throwIfAborted()
  try {
    return parseReading(stdout)
  } catch (error) {
    throw new MeasurementError(`${describeError(error)} ${stderr.trim()}`.trim(), { cause: error })
  }
}
