/** A management link with a long way: a TCP proxy before a hypervisor's sshd, which holds back every byte for a time, both ways. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface SlowLink extends AsyncDisposable {
  readonly port: number
}

/** @param delayMs of each direction: half a round trip */
export async function slowLink(address: string, port: number, delayMs: number): Promise<SlowLink> {
  const sockets = new Set<Socket>()
  const carry = (from: Socket, to: Socket): void => {
    sockets.add(from)
    from.on('data', (bytes) => setTimeout(() => to.writable && to.write(bytes), delayMs))
    from.on('end', () => setTimeout(() => to.end(), delayMs))
    from.on('error', () => to.destroy())
    from.on('close', () => sockets.delete(from))
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const host = connect({ host: address, port, allowHalfOpen: true })
    carry(client, host)
    carry(host, client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
