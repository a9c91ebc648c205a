/**
 * Carries out command lines of dpservice-cli in this process, for the client in its container: a start of Node for each would cost
 * many times what the command does. A client sends its arguments, each with a zero byte behind it, and closes its side. It gets a
 * line with the exit status and the stream to print to, and then the text.
 */
import { mkdir, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { served, type Call } from '../cli/call.ts'
import { runCommand } from '../cli/run.ts'
import type { Log } from './log.ts'
import type { Ask } from './server.ts'

const path = '/run/softplane/commands'

export async function serveCommands(ask: Ask, log: Log): Promise<Server> {
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { force: true })
  const call: Call = async (_, method, params) => served(await ask({ method, params }))
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const failed = (error: unknown): void => {
      log('WARNING', 'a command has no answer', { error: String(error) })
      socket.destroy()
    }
    // a client that is gone by then
    socket.on('error', failed)
    answer(socket, call).catch(failed)
  })
  server.listen(path)
  await once(server, 'listening')
  return server
}

async function answer(socket: Socket, call: Call): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer)
  const argv = Buffer.concat(chunks).toString('utf8').split('\0').slice(0, -1)
  const { exitCode, stdout, stderr } = await runCommand(argv, call)
  socket.end(`${exitCode} ${stderr === '' ? 'out' : 'err'}\n${stdout}${stderr}`)
}
