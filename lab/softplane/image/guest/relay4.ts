/**
 * DHCPv4 on one port. A broadcast must be heard and sent on one device, which Node's sockets cannot ask for: socat
 * holds the socket that is bound to the device, and passes the datagrams over loopback.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { answerDhcp4, type Lease4 } from './dhcp4.ts'

export class Relay4 {
  readonly #socket: Socket
  readonly #socat: ChildProcess

  private constructor(socket: Socket, socat: ChildProcess) {
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
    const link = `bind=0.0.0.0:67,so-bindtodevice=${device},broadcast,reuseaddr`
    const socat = spawn(
      'socat',
      [
        // it says when its sockets are there
        '-d',
        '-d',
        '-d',
        `UDP4-DATAGRAM:255.255.255.255:68,${link}`,
        `UDP4-DATAGRAM:127.0.0.1:${socket.address().port},bind=127.0.0.1`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const relay = new Relay4(socket, socat)
    await relay.#started()
    return relay
  }

  async #started(): Promise<void> {
    let said = ''
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#socat.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-2000)
      if (said.includes('starting data transfer loop')) resolve()
    })
    this.#socat.once('error', reject)
    this.#socat.once('exit', (code) => reject(new Error(`socat ended with status ${code}: ${said}`)))
    await promise
  }

  async close(): Promise<void> {
    const ended = once(this.#socat, 'exit')
    if (this.#socat.exitCode === null && this.#socat.kill('SIGKILL')) await ended
    this.#socket.close()
  }
}
