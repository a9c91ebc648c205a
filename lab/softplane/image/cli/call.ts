/** One call of the service. */
import { request as httpRequest } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Response } from '../shared/protocol.ts'
import { RpcError } from '../shared/status.ts'
import { ClientError } from './flags.ts'

export interface Endpoint {
  /** `host:port` */
  readonly address: string
  readonly connectTimeoutMs: number
}

/** @throws ClientError when nobody listens, RpcError when the service cannot serve the call. */
export type Call = (
  endpoint: Endpoint,
  method: string,
  params: Readonly<Record<string, unknown>>,
) => Promise<Exclude<Response, { rpc: unknown }>>

/** What the service said, or its refusal to serve. @throws RpcError */
export function served(response: Response): Exclude<Response, { rpc: unknown }> {
  if (!('rpc' in response)) return response
  throw Object.assign(new RpcError('INTERNAL', response.rpc.message), { status: response.rpc })
}

/** As a gRPC client does, this tries to connect until its time is over. */
const retryMs = 50

export const call: Call = async (endpoint, method, params) => {
  const deadline = performance.now() + endpoint.connectTimeoutMs
  while (true) {
    try {
      const answer = await post(endpoint.address, JSON.stringify({ method, params }))
      return served(JSON.parse(answer) as Response)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
      if (performance.now() >= deadline) {
        throw new ClientError(`error connecting to ${endpoint.address}: context deadline exceeded`, {
          cause: error,
        })
      }
      await delay(retryMs)
    }
  }
}

async function post(address: string, body: string): Promise<string> {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const outgoing = httpRequest(
    {
      host: host === 'localhost' || host === '' ? '127.0.0.1' : host,
      port: Number(address.slice(colon + 1)),
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      agent: false,
    },
    (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
      incoming.once('error', reject)
    },
  )
  outgoing.once('error', reject)
  outgoing.end(body)
  return await promise
}
