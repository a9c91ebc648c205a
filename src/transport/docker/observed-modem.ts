/** The client beneath dockerode, telling each call to an observer. */
import type { Readable } from 'node:stream'
import DockerModem from 'docker-modem'
import { MachineError, describeError } from '../../core/errors.ts'
import type { Observe, StepEnded } from '../../core/steps.ts'

/** Of what a call is asked for, what a timeline tells: a container's environment and a login are not among it. */
const toldParameters = ['name', 'fromImage', 'tag', 'condition', 'force', 't', 'v']

/** Calls that are a part of what is told elsewhere: a command in a container, an image that is pulled or loaded to its end. */
const toldWhole = /^((\/containers\/[^/]+)?\/exec(\/|$)|\/images\/(create|load)\b)/

/** Calls that may take long before the engine says the first word of them. */
const slow =
  /^\/(images\/(create|load)|build)\b|^\/containers\/[^/]+\/(wait|logs|attach)\b|^\/exec\/[^/]+\/start\b/

/** For an engine's answer, on a machine that is busy; a change (a container that goes, layers that are deleted) takes its time. */
const answerMs = 30_000
const changeMs = 120_000
/** Of an engine that has left a call without: what is still asked of it is not to wait as long each time. */
export const doubtfulMs = 5000
/** Those engines. */
export const silentEngines = new WeakSet<object>()

/** Makes a call of the Docker API. */
export type DialModem = (options: DockerModem.DialOptions, done?: DockerModem.RequestCallback) => void

export class ObservedModem extends DockerModem {
  private readonly host: string
  readonly observe: Observe | undefined
  /** Whether something else takes the place of the engine. */
  readonly instead: boolean
  private readonly send: DialModem

  /** @param instead takes the place of the engine */
  constructor(
    host: string,
    observe: Observe | undefined,
    options: DockerModem.ConstructorOptions,
    instead?: DialModem,
  ) {
    super(options)
    this.host = host
    this.observe = observe
    this.instead = instead !== undefined
    this.send = instead ?? ((asked, done) => this.dialInTime(asked, done))
  }

  /** An engine that stands still takes connections and says nothing. */
  private dialInTime(options: DockerModem.DialOptions, done?: DockerModem.RequestCallback): void {
    if (slow.test(options.path)) return super.dial(options, done)
    const late = new AbortController()
    const given = options.abortSignal
    const abortSignal = given ? AbortSignal.any([given, late.signal]) : late.signal
    const usualMs = (options.method ?? 'GET') === 'GET' ? answerMs : changeMs
    const timeoutMs = silentEngines.has(this) ? doubtfulMs : usualMs
    const timer = setTimeout(() => late.abort(), timeoutMs)
    super.dial({ ...options, abortSignal }, (error, result) => {
      clearTimeout(timer)
      const silent = late.signal.aborted
      if (silent) silentEngines.add(this)
      else if (!given?.aborted) silentEngines.delete(this)
      done?.(error && silent ? silentEngine(this.host, timeoutMs, nameOf(options)) : error, result)
    })
  }

  override dial(options: DockerModem.DialOptions, done?: DockerModem.RequestCallback): void {
    const observe = toldWhole.test(options.path) ? undefined : this.observe
    const end = observe?.({ machine: this.host, kind: 'docker', name: nameOf(options) })
    if (!end) return this.send(options, done)
    this.send(options, (error, result) => {
      if (error) end({ outcome: endOf(options, error), ...statusOf(error), output: describeError(error) })
      else if (options.isStream) endWith(result as Readable, options, end)
      else end({ outcome: 'ok', ...(options.method === 'GET' ? {} : { output: textOf(result) }) })
      done?.(error, result)
    })
  }
}

export function silentEngine(host: string, timeoutMs: number, call: string): MachineError {
  return new MachineError(
    `${host}: Docker has not answered within ${timeoutMs / 1000} s: ${call}; see whether its daemon runs, and \`docker info\` there`,
  )
}

/** The observer of whatever dockerode made: an engine, a container. */
export function observerOf({ modem }: { readonly modem: unknown }): Observe | undefined {
  return modem instanceof ObservedModem ? modem.observe : undefined
}

/** `POST /containers/create?name=dpservice_hypervisor-1` */
function nameOf({ method = 'GET', path, options }: DockerModem.DialOptions): string {
  const given = { ...options, ...options?._query } as Readonly<Record<string, unknown>>
  const parameters = toldParameters.flatMap((key) =>
    ['string', 'number', 'boolean'].includes(typeof given[key]) ? [`${key}=${String(given[key])}`] : [],
  )
  const plain = path.replace(/\?.*$/, '').replaceAll(/\b[0-9a-f]{64}\b/g, (id) => id.slice(0, 12))
  return `${method} ${plain}${parameters.length > 0 ? `?${parameters.join('&')}` : ''}`
}

/** A stream is its reader's: it is not read here, and the call lasts until it has ended. */
function endWith(stream: Readable, options: DockerModem.DialOptions, end: (ended: StepEnded) => void): void {
  let failure: Error | undefined
  stream.once('error', (error) => (failure = error))
  stream.once('close', () =>
    end(failure ? { outcome: endOf(options, failure), output: describeError(failure) } : { outcome: 'ok' }),
  )
}

/** That a thing which is looked for is not there is an answer. */
function endOf({ method, abortSignal }: DockerModem.DialOptions, error: Error): StepEnded['outcome'] {
  if (method === 'GET' && statusOf(error).exitStatus === 404) return 'ok'
  return abortSignal?.aborted || error.name === 'AbortError' ? 'aborted' : 'failed'
}

function statusOf(error: Error): { readonly exitStatus?: number } {
  return 'statusCode' in error && typeof error.statusCode === 'number' ? { exitStatus: error.statusCode } : {}
}

/** What the engine answers to a change; what it tells of a thing that is looked at is long, and holds its environment. */
function textOf(result: unknown): string {
  if (Buffer.isBuffer(result)) return result.toString('utf8')
  return typeof result === 'string' ? result : (JSON.stringify(result) ?? '')
}
