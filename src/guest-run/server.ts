/**
 * The HTTP server of a guest run, on loopback only: a guest's user networking reaches it as its gateway. It serves one
 * folder and takes uploads; no name leaves either, and everything is bounded in size and time.
 */
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { GuestRunError, describeError } from '../core/errors.ts'
import { BadForm, takeMultipart } from './multipart.ts'
import { keptPath, pathParts } from './safe-names.ts'
import { TooMuch, type Uploads } from './uploads.ts'

export interface RunServerOptions {
  /** 0: any free one. */
  readonly port: number
  /** Of `run.sh` and `files/`; what lies in `beside` is served at the top too, as the older tools' guests ask for it. */
  readonly folder: string
  readonly beside: string
  readonly uploads: Uploads
  /** The run's own: the script's output. `onOutput` is called when it has come, with the script's exit status. */
  readonly own: Uploads
  readonly onOutput: (exitStatus: number | undefined) => void
  /** Something worth a line in the result: a refused name, an upload that was too large. */
  readonly note: (sentence: string) => void
}

export interface RunServer extends AsyncDisposable {
  readonly port: number
  /** Whether a guest has fetched `run.sh`. */
  readonly fetched: () => boolean
}

/** For a request as a whole; a guest that is emulated sends slowly. */
const requestTimeoutMs = 300_000
const headersTimeoutMs = 20_000
const idleTimeoutMs = 60_000
const mostConnections = 64

/** Listens. @throws GuestRunError where the port is taken: by whom is not our business, and nobody is ended for it */
export async function startServer(options: RunServerOptions): Promise<RunServer> {
  let fetched = false
  const server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: headersTimeoutMs })
  server.maxConnections = mostConnections
  server.timeout = idleTimeoutMs
  server.on('request', (request, response) => {
    answer(request, response, options, (name) => (fetched ||= name === 'run.sh')).catch((error: unknown) =>
      refuse(request, response, error, options),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, options.port)))
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    fetched: () => fetched,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

function listenError(error: NodeJS.ErrnoException, port: number): GuestRunError {
  if (error.code === 'EADDRINUSE')
    return new GuestRunError(
      `port ${port} of 127.0.0.1 is taken by another process, which is left alone: give --port 0 for a free one (a script ` +
        'that has the address in itself then reads it from DPBENCH_URL), or end what uses it',
    )
  if (error.code === 'EACCES')
    return new GuestRunError(`port ${port} of 127.0.0.1 is for root only: give --port with 1024 or more`)
  return new GuestRunError(`port ${port} of 127.0.0.1 cannot be listened on: give another --port`, {
    cause: error,
  })
}

/** A refusal with its status. */
class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** `onServed` is told the name of what is served. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: RunServerOptions,
  onServed: (name: string) => void,
): Promise<void> {
  const method = request.method ?? ''
  const parts = pathParts(request.url ?? '')
  if (!parts) throw new Refused(400, `${request.url}: no name of a file here`)
  if (method === 'GET') onServed(parts.join('/'))
  if (method === 'GET' || method === 'HEAD') return serve(parts, method, response, options)
  if (method !== 'PUT' && method !== 'POST') throw new Refused(405, `${method} is not answered`)
  const [first, ...rest] = parts
  if (first === 'dpbench') {
    await options.own.take(keep(rest), request)
    const status = /[?&]exit-status=(\d{1,3})$/.exec(request.url ?? '')?.[1]
    options.onOutput(status === undefined ? undefined : Number(status))
  } else if (method === 'PUT') await options.uploads.take(keep(first === 'upload' ? rest : parts), request)
  else if (first !== 'upload') throw new Refused(404, `POST goes to /upload, not to ${request.url}`)
  else if (isMultipart(request)) await takeMultipart(request, options.uploads)
  else if (rest.length > 0) await options.uploads.take(keep(rest), request)
  else
    throw new Refused(400, 'POST to /upload takes multipart/form-data; another body goes to /upload/<name>')
  response.writeHead(method === 'PUT' ? 201 : 204).end()
}

function isMultipart(request: IncomingMessage): boolean {
  return /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')
}

function keep(parts: readonly string[]): string {
  const path = keptPath(parts)
  if (path === undefined) throw new Refused(400, 'a file is sent to /upload/<name>')
  return path
}

async function serve(
  parts: readonly string[],
  method: string,
  response: ServerResponse,
  { folder, beside }: RunServerOptions,
): Promise<void> {
  const path = (await fileIn(folder, parts)) ?? (await fileIn(beside, parts))
  if (path === undefined) throw new Refused(404, `${parts.join('/')} is not there`)
  const { size } = await stat(path)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
  if (method === 'GET') await pipeline(createReadStream(path), response)
  else response.end()
}

/** The real path of a regular file in `folder`; a link that leads out of it leads nowhere. */
async function fileIn(folder: string, parts: readonly string[]): Promise<string | undefined> {
  try {
    const root = await realpath(folder)
    const path = await realpath(join(root, ...parts))
    return path.startsWith(root + sep) && (await stat(path)).isFile() ? path : undefined
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    throw error
  }
}

function statusOf(error: unknown): number {
  if (error instanceof Refused) return error.status
  if (error instanceof BadForm) return 400
  return error instanceof TooMuch ? 413 : 500
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  { note }: RunServerOptions,
): void {
  const status = statusOf(error)
  // what a guest asks for and does not get is its own business; what it sends and is not kept is the result's
  const brokenOff = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
  if (status !== 404 && !(request.method === 'GET' && brokenOff))
    note(`${request.method} ${request.url}: ${describeError(error)}`)
  if (response.headersSent || response.destroyed) return void response.destroy()
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
  response.end(`${describeError(error)}\n`)
}
