/** Answers requests, one at a time, and those of clients on loopback. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Request, Response } from '../shared/protocol.ts'
import { RpcError, ServiceError, success } from '../shared/status.ts'
import type { Dataplane } from './dataplane.ts'
import type { Log } from './log.ts'
import type { Method } from './methods.ts'

export type Ask = (request: Request) => Promise<Response>

/** Requests that come before the data plane is there wait for it, so an answer means that the service is ready. */
export function createAsk(
  methods: Readonly<Record<string, Method>>,
  dataplane: Promise<Dataplane>,
  log: Log,
): Ask {
  let last: Promise<unknown> = dataplane
  return (request) => {
    const answer = last.then(() => handle(request, methods, dataplane, log))
    last = answer
    return answer
  }
}

/**
 * Takes the port, which also keeps a second daemon away.
 * @throws Error when the port is taken.
 */
export async function listen(port: number, ask: Ask, log: Log): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const answer = async (): Promise<void> => {
      const response = await ask(JSON.parse(await readBody(incoming)) as Request)
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(response))
    }
    answer().catch((error: unknown) => {
      log('ERROR', 'request failed', { error })
      outgoing.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return server
}

async function handle(
  { method: name, params }: Request,
  methods: Readonly<Record<string, Method>>,
  dataplane: Promise<Dataplane>,
  log: Log,
): Promise<Response> {
  try {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (!method) throw new RpcError('UNIMPLEMENTED', `unknown method ${name}`)
    const plane = await dataplane
    if (method.needsInitialization && !plane.uuid) throw new RpcError('ABORTED', 'not initialized')
    const result = await method.call(plane, params)
    log('INFO', `${name} called`, params)
    return { status: success, result }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof ServiceError || error instanceof RpcError) {
      log('WARNING', `${name} refused`, { ...params, error: message })
      return error instanceof ServiceError ? { status: error.status, result: {} } : { rpc: error.status }
    }
    log('ERROR', `${name} failed`, { ...params, error: message })
    return { rpc: new RpcError('INTERNAL', message).status }
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
