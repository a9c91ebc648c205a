/** A port of a machine as a port of the controller: each connection goes through the machine's SSH connection. */
import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net'
import { MachineError, UsageError } from '../core/errors.ts'
import { type Dialling } from './waits.ts'

export interface ForwardOptions {
  /** On the controller. Default: a free one. */
  readonly localPort?: number
  /** On the controller, where it listens. Default `127.0.0.1`. */
  readonly localAddress?: string
  /** What the machine connects to; another machine's address, where it is to lead there. Default `127.0.0.1`. */
  readonly address?: string
}

/** Ended by `close()`, by `await using`, and at the latest with the test. */
export interface ForwardedPort extends AsyncDisposable {
  /** On the controller. */
  readonly port: number
  readonly address: string
  close(): Promise<void>
}

/** @throws UsageError, MachineError when the local port is taken */
export async function forwardPort(
  to: Dialling,
  guestPort: number,
  options: ForwardOptions = {},
): Promise<ForwardedPort> {
  const { localPort = 0, localAddress = '127.0.0.1', address = '127.0.0.1' } = options
  for (const port of [guestPort, ...(localPort === 0 ? [] : [localPort])])
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new UsageError(`${port} is not a port: 1 to 65535`)
  const open = new Set<Socket>()
  // a client that has said everything may still be listening
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
    carry(to, address, guestPort, socket).catch(() => socket.destroy()) // its peer sees the connection end, as a refusal
  })
  await listen(server, localPort, localAddress)
  const { port } = server.address() as AddressInfo
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= shut(server, open))
  return { port, address: localAddress, close, [Symbol.asyncDispose]: close }
}

async function carry(to: Dialling, address: string, port: number, socket: Socket): Promise<void> {
  const host = await to.connection()
  const stream = await host.openTcp(address, port)
  stream.on('error', () => socket.destroy())
  stream.on('close', () => socket.end())
  socket.on('close', () => stream.destroy())
  if (socket.destroyed) stream.destroy()
  socket.pipe(stream).pipe(socket)
}

async function listen(server: Server, port: number, address: string): Promise<void> {
  server.listen(port, address)
  try {
    await once(server, 'listening')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new MachineError(`no port can be forwarded to ${address}:${port} of this machine: ${why}`, {
      cause: error,
    })
  }
}

async function shut(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  for (const socket of open) socket.destroy()
  await closed
}
