/** `dpbench flow client`: the path to a machine where `dpbench flow server` runs, with iperf3 clients on this one. */
import { type Socket, connect, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { DisposalStack } from '../../core/disposal-stack.ts'
import { ConnectionError, MeasurementError } from '../../core/errors.ts'
import { waitFor } from '../../core/wait.ts'
import { toolJson } from '../../core/tool-output.ts'
import { guestLinks } from '../../machine/guest-network.ts'
import { preflight } from '../../traffic/preflight.ts'
import { routes } from '../../traffic/machine-facts.ts'
import type { ServerEnd, ServerOrder, Serving } from '../../traffic/server-end.ts'
import { LocalHost } from '../../transport/local-host.ts'
import type { OpenPath } from '../machines.ts'
import {
  type Answer,
  MessageChannel,
  type Request,
  answerMs,
  answerSchema,
  protocolVersion,
} from './messages.ts'

export interface ClientOptions {
  readonly address: string
  readonly controlPort: number
  /** How long the server is tried for. */
  readonly waitSeconds: number
  readonly signal: AbortSignal
}

type Channel = MessageChannel<Answer, Request>

/** Connects, checks the way, and says good-bye when it is closed. @throws ConnectionError, MeasurementError */
export async function openByHand(options: ClientOptions): Promise<OpenPath> {
  const { address, signal } = options
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  const stack = new DisposalStack()
  try {
    const socket = await connected(options)
    const channel = stack.use(
      new MessageChannel<Answer, Request>(socket, answerSchema, `the server at ${address}`),
    )
    channel.send({ say: 'hello', dpbenchFlow: protocolVersion })
    const { facts } = await expected(channel, 'hello', answerMs, signal)
    stack.defer(() => channel.send({ say: 'bye' }))
    const from = { name: hostname(), ssh: new LocalHost(hostname()) }
    const to = { name: facts.name === from.name ? `${facts.name} (server)` : facts.name }
    const { stdout } = await from.ssh.run(['ip', '-json', 'route', 'get', address])
    const [route] = toolJson(routes, stdout, `${from.name}: ip -json route`)
    const link = (await guestLinks(from.ssh)).find(({ ifname }) => ifname === route?.dev)
    if (!link) throw new MeasurementError(`${from.name} has no route to ${address}: give --server-ip another`)
    const { socketBufferBytes } = await preflight(
      {
        from,
        to,
        receiverFacts: async () => ({ ...facts, name: to.name, route: facts.route }),
        family,
        address,
        interface: link.ifname,
        mtuBytes: link.mtu,
      },
      signal,
    )
    const path = { from, to: remoteServers(to.name, channel), address, family, socketBufferBytes } as const
    return { path, dataplane: '', [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

/** Servers that the other end starts. */
function remoteServers(name: string, channel: Channel): ServerEnd {
  return {
    name,
    async serve(order: ServerOrder, signal = new AbortController().signal): Promise<Serving> {
      const ports = order.commands.map(({ port }) => port)
      const seconds = Math.ceil(order.deadlineMs / 1000)
      channel.send({ say: 'serve', ports, seconds, runId: order.runId })
      await expected(channel, 'listening', answerMs, signal)
      return {
        async finish(graceMs) {
          channel.send({ say: 'finish', graceMs })
          const { outputs } = await expected(channel, 'outputs', graceMs + answerMs, signal)
          return new Map(
            outputs.map(([port, { launchedAtMs, ...rest }]) => [port, { ...rest, launchedAtMs }]),
          )
        },
        async stop() {
          if (signal.aborted) return // the connection has gone with it, and the server ends what it started
          channel.send({ say: 'stop' })
          await expected(channel, 'stopped', answerMs, signal)
        },
      }
    },
  }
}

async function expected<T extends Answer['say']>(
  channel: Channel,
  say: T,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Extract<Answer, { say: T }>> {
  const answer = await channel.receive(timeoutMs, signal)
  if (answer.say === 'refused') throw new MeasurementError(`the server refused: ${answer.reason}`)
  if (answer.say === say) return answer as Extract<Answer, { say: T }>
  throw new ConnectionError(
    `the server answered "${answer.say}" in the place of "${say}": use one dpbench on both`,
  )
}

/** The server may be started after the client. */
function connected({ address, controlPort, waitSeconds, signal }: ClientOptions): Promise<Socket> {
  return waitFor(
    async () => {
      const socket = connect({ host: address, port: controlPort })
      const outcome = await new Promise<string>((resolve) => {
        socket.once('connect', () => resolve('connected'))
        socket.once('error', (error) => resolve(error.message))
        socket.setTimeout(5000, () => resolve('no answer within 5 s'))
      })
      socket.setTimeout(0)
      if (outcome === 'connected') return { state: 'ready', value: socket }
      socket.destroy()
      return { state: 'pending', seen: outcome }
    },
    {
      what: `\`dpbench flow server --server-ip ${address}\` on port ${controlPort}`,
      timeoutMs: waitSeconds * 1000,
      intervalMs: 200,
      signal,
    },
  )
}
