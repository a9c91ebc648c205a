/**
 * A guest's end of the connections that tests make: serves on the given ports, telling who it is and whom it sees, and
 * for each line `<address> <port> <count>` on its input opens so many connections at once and prints what the servers
 * said, as JSON. They stay open until all are answered, or nothing has come for a while.
 *
 *     probe.ts <name> <port>…
 */
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** Of a connection that nobody answers. */
const quietMs = 700

async function serve(name: string, ports: readonly string[]): Promise<void> {
  for (const port of ports) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.resume()
      socket.write(`${name} ${socket.remoteAddress?.replace(/^::ffff:/, '')}:${socket.remotePort}\n`)
    })
    await new Promise<void>((resolve) => server.listen(Number(port), '::', resolve))
  }
}

async function connections(address: string, port: number, count: number): Promise<string[]> {
  const answers: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const quiet = setTimeout(resolve, quietMs)
  const sockets = Array.from({ length: count }, (): Socket => {
    const socket = connect({ host: address, port })
    socket.on('error', () => undefined)
    socket.once('data', (data) => {
      quiet.refresh()
      if (answers.push(data.toString('utf8').trim()) === count) resolve()
    })
    return socket
  })
  await promise
  clearTimeout(quiet)
  for (const socket of sockets) socket.destroy()
  return answers
}

const [name = '', ...ports] = process.argv.slice(2)
await serve(name, ports)
process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const [address = '', port, count] = line.split(' ')
  process.stdout.write(`${JSON.stringify(await connections(address, Number(port), Number(count)))}\n`)
}
process.exit(0)
