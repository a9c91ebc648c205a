/** `dpbench flow server`: serves one client's measurement, on the machine itself, and ends. */
import { type Server, type Socket, createServer } from 'node:net'
import { hostname } from 'node:os'
import { ConnectionError, DpbenchError, UsageError, describeError } from '../../core/errors.ts'
import { guestLinks, hasAddress } from '../../machine/guest-network.ts'
import { machineFacts } from '../../traffic/machine-facts.ts'
import { type Serving, serversOn } from '../../traffic/server-end.ts'
import { iperf3Servers } from '../../traffic/iperf3/run.ts'
import { flowsOf } from '../summary.ts'
import { LocalHost } from '../../transport/local-host.ts'
import {
  type Answer,
  MessageChannel,
  type Request,
  answerMs,
  protocolVersion,
  requestSchema,
} from './messages.ts'

export interface ServerOptions {
  /** The address that is bound: of this machine. */
  readonly address: string
  readonly controlPort: number
  /** The most flows that a client may ask for. */
  readonly mostFlows: number
  /** How long a client is waited for. */
  readonly waitSeconds: number
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

type Channel = MessageChannel<Request, Answer>

/** How long a client may be silent between two rounds, or before it says what it is. */
const idleMs = 60_000

/**
 * Waits for a client and serves it until it says good-bye.
 * @throws UsageError when the address can't be bound; ConnectionError when no client comes, or it goes away
 */
export async function serveByHand(options: ServerOptions): Promise<void> {
  const { address, log, signal } = options
  const machine = { name: hostname(), ssh: new LocalHost(hostname()) }
  const own = (await guestLinks(machine.ssh)).find((link) => hasAddress(link, address))
  const facts = await machineFacts(machine, own?.ifname ?? 'lo', address)
  const { channel, server } = await clientOf(options)
  server.close()
  await using client = channel
  log('a client is there')
  client.send({ say: 'hello', dpbenchFlow: protocolVersion, facts })
  let serving: Serving | undefined
  let silenceMs = idleMs
  try {
    for (;;) {
      const request = await client.receive(silenceMs, signal)
      silenceMs = idleMs
      switch (request.say) {
        case 'serve': {
          await serving?.stop()
          try {
            if (request.ports.length > options.mostFlows) throw tooMany(request.ports.length, options)
            log(`serving ${flowsOf(request.ports.length)}`)
            const order = {
              ...iperf3Servers(request.ports, request.seconds),
              deadlineMs: request.seconds * 1000 + 90_000,
              runId: request.runId,
            }
            serving = await serversOn(machine).serve(order, signal)
            silenceMs = request.seconds * 1000 + idleMs
            client.send({ say: 'listening' })
          } catch (error) {
            signal.throwIfAborted()
            if (!(error instanceof DpbenchError)) throw error
            client.send({ say: 'refused', reason: describeError(error) })
          }
          break
        }
        case 'finish': {
          const outputs = await serving?.finish(request.graceMs)
          serving = undefined
          client.send({ say: 'outputs', outputs: [...(outputs ?? [])] })
          break
        }
        case 'stop':
          await serving?.stop()
          serving = undefined
          client.send({ say: 'stopped' })
          break
        case 'hello':
          throw new ConnectionError('the client began anew in the middle')
        case 'bye':
          log('the client has what it wanted')
          return
      }
    }
  } finally {
    await serving?.stop()
  }
}

function tooMany(asked: number, { mostFlows }: ServerOptions): UsageError {
  return new UsageError(
    `${asked} flows were asked for, and it was started for ${mostFlows}: start it with --flow-count ${asked}`,
  )
}

/** The first connection that says hello as a client does; a stranger's is ended, and does not take its place. */
async function clientOf(options: ServerOptions): Promise<{ channel: Channel; server: Server }> {
  const { address, controlPort, waitSeconds, log, signal } = options
  const deadline = AbortSignal.timeout(waitSeconds * 1000)
  const either = AbortSignal.any([deadline, signal])
  const server = createServer()
  const sockets = new Set<Socket>()
  const giveUp = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  try {
    const channel = await new Promise<Channel>((resolve, reject) => {
      either.addEventListener('abort', () => reject(either.reason as Error), { once: true })
      server.on('error', reject)
      server.on('connection', (socket) => {
        sockets.add(socket)
        void admit(socket)
      })
      const admit = async (socket: Socket): Promise<void> => {
        const greeted = await greet(socket, options)
        sockets.delete(socket)
        if (!greeted) return
        for (const other of sockets) other.destroy()
        resolve(greeted)
      }
      server.listen(controlPort, address, () => log(`waiting for a client on ${address} port ${controlPort}`))
    })
    return { channel, server }
  } catch (error) {
    giveUp()
    signal.throwIfAborted()
    if (deadline.aborted) {
      throw new ConnectionError(
        `no client came within ${waitSeconds} s: start \`dpbench flow client --server-ip ${address}\` on the other machine, or give --wait a longer time`,
      )
    }
    throw new UsageError(
      `cannot listen on ${address} port ${controlPort} (${describeError(error)}): --server-ip is an address of this ` +
        'machine, --control-port a free port',
    )
  }
}

async function greet(socket: Socket, { log, signal }: ServerOptions): Promise<Channel | undefined> {
  const channel: Channel = new MessageChannel(socket, requestSchema, 'the client')
  try {
    const request = await channel.receive(answerMs, signal)
    if (request.say !== 'hello') throw new ConnectionError('the client did not say hello')
    if (request.dpbenchFlow === protocolVersion) return channel
    const reason = `this server speaks version ${protocolVersion} and the client ${request.dpbenchFlow}: use one dpbench on both`
    channel.send({ say: 'refused', reason })
    throw new ConnectionError(reason)
  } catch (error) {
    if (!signal.aborted)
      log(`a connection from ${socket.remoteAddress ?? 'somewhere'} was ended: ${describeError(error)}`)
    await channel[Symbol.asyncDispose]()
    return undefined
  }
}
