/** The least that a command over SSH costs: a session of sshd, and a login shell that has nothing to do. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'ssh2'
import type { HostAddress } from '../src/transport/ssh/address.ts'
import { isConnectFailed } from '../src/transport/ssh/loss.ts'

/**
 * Opens `count` sessions, `atOnce` of them at a time, over a connection that stands by then. The seconds that they take.
 * @param address of a host of a lab, whose key nobody else could have
 */
export async function bareSessions(address: HostAddress, count: number, atOnce: number): Promise<number> {
  const { address: host, port, user: username, keyFile } = address
  const client = new Client()
  client.connect({ host, port, username, privateKey: await readFile(keyFile), hostVerifier: () => true })
  await once(client, 'ready')
  client.setNoDelay(true) // as dpbench's own: each session in turn would wait for a delayed acknowledgement
  try {
    let left = count
    const inTurn = async (): Promise<void> => {
      while (left-- > 0) await session(client)
    }
    const started = performance.now()
    await Promise.all(Array.from({ length: atOnce }, inTurn))
    return (performance.now() - started) / 1000
  } finally {
    client.end()
  }
}

/** One that has ended counts with sshd until its process is reaped: an open refused for that is tried again. */
async function session(client: Client): Promise<void> {
  while (!(await opened(client))) await delay(5)
}

function opened(client: Client): Promise<boolean> {
  return new Promise((resolve, reject) => {
    client.exec(':', (error, channel) => {
      if (error) return isConnectFailed(error) ? resolve(false) : reject(error)
      channel.on('close', () => resolve(true))
      channel.resume()
      channel.stderr.resume()
    })
  })
}
