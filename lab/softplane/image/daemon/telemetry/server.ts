/**
 * DPDK's telemetry socket: SOCK_SEQPACKET, a greeting, then one packet per request and one per reply. Node has no sockets
 * of that type, so socat listens, and carries each connection to a stream socket of this process.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Log } from '../log.ts'
import type { Telemetry } from './commands.ts'

/** As DPDK tells its clients. */
const maxOutputLength = 16_384
const sequencedPackets = 5
const behind = '/run/softplane/telemetry'

export interface TelemetryServer {
  close(): Promise<void>
}

/** Serves at `path` until closed. */
export async function serveTelemetry(
  path: string,
  options: { readonly version: string; readonly telemetry: Telemetry; readonly log: Log },
): Promise<TelemetryServer> {
  await mkdir(dirname(behind), { recursive: true })
  await mkdir(dirname(path), { recursive: true })
  await rm(behind, { force: true })
  // a client may close its sending side before it has read the reply
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    converse(socket, options).catch((error: unknown) => {
      options.log('WARNING', 'telemetry request failed', { error: String(error) })
      socket.destroy()
    })
  })
  server.listen(behind)
  await once(server, 'listening')
  return bridge(path, server, options.log)
}

function bridge(path: string, server: Server, log: Log): TelemetryServer {
  const listen = `UNIX-LISTEN:${path},socktype=${sequencedPackets},fork,unlink-early`
  const argv = ['-t', '10', '-b', String(maxOutputLength), listen, `UNIX-CONNECT:${behind}`]
  const socat: ChildProcess = spawn('socat', argv, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise<void>((resolve) => {
    socat.once('error', (error) => {
      log('WARNING', 'no telemetry', { error: error.message })
      resolve()
    })
    socat.once('exit', () => resolve())
  })
  return {
    async close() {
      socat.kill('SIGTERM')
      await ended
      server.close()
      await rm(path, { force: true })
    },
  }
}

async function converse(
  socket: Socket,
  { version, telemetry }: { readonly version: string; readonly telemetry: Telemetry },
): Promise<void> {
  socket.setEncoding('utf8')
  socket.write(JSON.stringify({ version, pid: process.pid, max_output_len: maxOutputLength }))
  for await (const request of socket) socket.write(JSON.stringify(await telemetry(request as string)))
  socket.end()
}
