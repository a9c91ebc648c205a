/**
 * What the two ends of a measurement by hand tell each other, over one TCP connection: a JSON document per line. The client
 * leads; the server starts iperf3 when it is told to, and gives back what its processes wrote.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { ConnectionError } from '../../core/errors.ts'

/** Raised when the two ends would misunderstand each other. */
export const protocolVersion = 1
/** As the replaced tool has it. */
export const defaultControlPort = 50_007
/** More than both ends need for anything but measuring. */
export const answerMs = 30_000
/** No output of iperf3 comes near it; a stranger who connects is not to fill the memory. */
const mostLineBytes = 64 * 1024 * 1024

const processOutput = z.object({
  exitCode: z.number().nullable(),
  stdout: z.string(),
  stderr: z.string(),
  launchedAtMs: z.number().optional(),
})

export const machineFactsSchema = z.object({
  name: z.string(),
  tool: z.string(),
  load: z.string(),
  offloads: z.array(z.string()).readonly(),
  sendBufferBytes: z.number(),
  receiveBufferBytes: z.number(),
  route: z.string().optional(),
})

const port = z.number().int().min(1).max(65_535)

/** From the client. */
export const requestSchema = z.discriminatedUnion('say', [
  z.object({ say: z.literal('hello'), dpbenchFlow: z.number() }),
  z.object({
    say: z.literal('serve'),
    ports: z.array(port).min(1).max(256),
    seconds: z.number().int().min(1).max(86_400),
    runId: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  }),
  z.object({ say: z.literal('finish'), graceMs: z.number().min(0).max(60_000) }),
  z.object({ say: z.literal('stop') }),
  z.object({ say: z.literal('bye') }),
])
export type Request = z.infer<typeof requestSchema>

/** From the server. */
export const answerSchema = z.discriminatedUnion('say', [
  z.object({ say: z.literal('hello'), dpbenchFlow: z.number(), facts: machineFactsSchema }),
  z.object({ say: z.literal('listening') }),
  z.object({ say: z.literal('outputs'), outputs: z.array(z.tuple([z.number(), processOutput])) }),
  z.object({ say: z.literal('stopped') }),
  z.object({ say: z.literal('refused'), reason: z.string() }),
])
export type Answer = z.infer<typeof answerSchema>

/** One end of the connection. */
export class MessageChannel<Incoming, Outgoing> implements AsyncDisposable {
  private readonly socket: Socket
  private readonly lines: AsyncIterator<string>
  private readonly schema: z.ZodType<Incoming>
  private readonly peer: string

  constructor(socket: Socket, schema: z.ZodType<Incoming>, peer: string) {
    this.socket = socket
    this.schema = schema
    this.peer = peer
    let pending = 0
    socket.on('data', (chunk: Buffer) => {
      pending = chunk.includes(10) ? 0 : pending + chunk.length
      if (pending > mostLineBytes) socket.destroy()
    })
    socket.on('error', () => undefined) // `close` follows, and the reader is told
    this.lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  }

  send(message: Outgoing): void {
    this.socket.write(`${JSON.stringify(message)}\n`)
  }

  /** @throws ConnectionError when nothing comes in time, the connection ends, or it is no message */
  async receive(timeoutMs: number, signal: AbortSignal): Promise<Incoming> {
    const deadline = AbortSignal.timeout(timeoutMs)
    const either = AbortSignal.any([deadline, signal])
    const stop = (): void => void this.socket.destroy()
    either.addEventListener('abort', stop, { once: true })
    try {
      const { value, done } = await this.lines.next()
      signal.throwIfAborted()
      if (deadline.aborted)
        throw new ConnectionError(`${this.peer} said nothing within ${timeoutMs / 1000} s`)
      if (done) throw new ConnectionError(`${this.peer} ended the connection`)
      return this.read(value)
    } finally {
      either.removeEventListener('abort', stop)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.destroyed) return
    const closed = once(this.socket, 'close')
    this.socket.end()
    const timer = setTimeout(() => this.socket.destroy(), 1000)
    await closed
    clearTimeout(timer)
  }

  private read(line: string): Incoming {
    try {
      return this.schema.parse(JSON.parse(line))
    } catch (error) {
      throw new ConnectionError(`${this.peer} does not speak as \`dpbench flow\`: ${line.slice(0, 80)}`, {
        cause: error,
      })
    }
  }
}
