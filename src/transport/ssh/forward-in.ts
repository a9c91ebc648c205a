/** Ports of a host that lead back to this machine, over the host's SSH connection (RFC 4254, 7.1). */
import { connect } from 'node:net'
import type { Client, TcpConnectionDetails } from 'ssh2'
import { ConnectionError } from '../../core/errors.ts'

/** A port of the host's loopback device; disposing of it gives the port back and ends what goes through it. */
export interface ForwardedIn extends AsyncDisposable {
  readonly port: number
}

export interface ForwardInOptions {
  /** The port on the host; 0 lets the host choose one. */
  readonly port: number
  /** The port of this machine's loopback device at which what comes is answered. */
  readonly to: number
}

const loopback = '127.0.0.1'

/**
 * Asks the host to listen, and leads every connection to `to`. `name` is the host's, for messages.
 * @throws ConnectionError when the port is taken there, or its sshd forwards nothing
 */
export async function forwardIn(
  client: Client,
  name: string,
  options: ForwardInOptions,
): Promise<ForwardedIn> {
  const port = await new Promise<number>((resolve, reject) => {
    client.forwardIn(loopback, options.port, (error, bound) => {
      // the host names a port only where it has chosen it
      if (!error) return resolve(options.port === 0 ? bound : options.port)
      const which = options.port === 0 ? 'a port' : `port ${options.port}`
      const message = `${name}: its sshd does not listen on ${which} of ${loopback} for us: the port is taken there, or AllowTcpForwarding is off`
      reject(new ConnectionError(message, { cause: error }))
    })
  })
  const open = new Set<{ destroy(): void }>()
  const lead = (
    details: TcpConnectionDetails,
    accept: () => NodeJS.ReadWriteStream & { destroy(): void },
  ): void => {
    if (details.destPort !== port) return // another forward of this connection
    const channel = accept()
    const socket = connect({ host: loopback, port: options.to, allowHalfOpen: true })
    for (const end of [channel, socket]) {
      open.add(end)
      end.on('error', () => undefined) // `close` follows, and takes the other end along
      end.on('close', () => {
        open.delete(end)
        if (end === socket) channel.destroy()
        else socket.destroy()
      })
    }
    channel.pipe(socket).pipe(channel)
  }
  client.on('tcp connection', lead)
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    client.off('tcp connection', lead)
    for (const end of open) end.destroy()
    // a connection that is gone has taken its ports along
    await new Promise<void>((resolve) => {
      client.once('close', () => resolve())
      try {
        client.unforwardIn(loopback, port, () => resolve())
      } catch {
        resolve()
      }
    })
  }
  return { port, [Symbol.asyncDispose]: () => (closed ??= close()) }
}
