/**
 * DHCPv4 on one port. A broadcast must be heard and sent on one device, which Node's sockets cannot ask for: socat
 * holds the socket that is bound to the device, and passes the datagrams over loopback.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { answerDhcp4, type Lease4 } from './dhcp4.ts'
import { Program } from './program.ts'

export class Relay4 {
  readonly #socket: Socket
  readonly #socat: Program

  private constructor(socket: Socket, socat: Program) {
    this.#socket = socket
    this.#socat = socat
  }

  /** `onAnswer` is awaited before each answer is sent. */
  static async open(device: string, lease: Lease4, onAnswer: () => Promise<void>): Promise<Relay4> {
    const socket = createSocket('udp4')
    socket.on('message', (message, { port, address }) => {
      const answer = answerDhcp4(message, lease)
      if (answer) void onAnswer().then(() => socket.send(answer, port, address))
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const guests = `UDP4-DATAGRAM:255.255.255.255:68,bind=0.0.0.0:67,so-bindtodevice=${device},broadcast,reuseaddr`
    const responder = `UDP4-DATAGRAM:127.0.0.1:${socket.address().port},bind=127.0.0.1`
    try {
      const said = '-d -d -d'.split(' ') // so much that it tells when its sockets are there
      const argv = ['socat', ...said, guests, responder]
      return new Relay4(socket, await Program.start(argv, 'starting data transfer loop'))
    } catch (error) {
      socket.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#socat.close()
    this.#socket.close()
  }
}
