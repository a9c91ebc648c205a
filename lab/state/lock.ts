/**
 * Locks between processes that cannot go stale: a Unix socket in Linux's abstract name space. Only one process can listen on
 * a name, the kernel frees it when that process ends in whatever way, and no file is left.
 */
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { UsageError } from '../../src/core/errors.ts'
import { waitFor } from '../../src/core/wait.ts'

async function tryListen(name: string): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined) // the one who asked may have gone
    socket.end(String(process.pid))
  })
  server.listen(`\0dpbench/${name}`)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw error
  }
  server.unref()
  return server
}

class Lock implements AsyncDisposable {
  readonly #server: Server
  constructor(server: Server) {
    this.#server = server
  }
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/**
 * A process that works on the lab answers with its pid. One that was killed while it started a program lives on for a moment
 * in that program's process, which holds the socket until it has begun, and answers nothing: that is waited out.
 * @throws UsageError naming the process that works on this lab just now.
 */
export async function lockLab(lab: string): Promise<AsyncDisposable> {
  const outcome = await waitFor<Lock | string>(
    async () => {
      const server = await tryListen(`lab/${lab}`)
      if (server) return { state: 'ready', value: new Lock(server) }
      const holder = await askHolder(`lab/${lab}`)
      return holder === undefined
        ? { state: 'pending', seen: 'no answer' }
        : { state: 'ready', value: holder }
    },
    {
      what: `the lock of the lab '${lab}', held by a process that does not answer`,
      timeoutMs: 10_000,
      intervalMs: 5,
    },
  )
  if (outcome instanceof Lock) return outcome
  throw new UsageError(
    `Process ${outcome} is bringing the lab '${lab}' up or down. Wait until it has ended, or interrupt it.`,
  )
}

/** Waits up to 30 s: held only while a lab chooses its addresses. */
export async function lockAddresses(signal: AbortSignal): Promise<AsyncDisposable> {
  return lockShared('addresses', 'another lab to have chosen its addresses', signal)
}

/** Waits up to 30 s: held only while a lab changes the machine's number of huge pages. */
export async function lockHugepages(signal: AbortSignal): Promise<AsyncDisposable> {
  return lockShared('hugepages', 'another lab to have changed the number of huge pages', signal)
}

async function lockShared(name: string, what: string, signal: AbortSignal): Promise<AsyncDisposable> {
  return waitFor(
    async () => {
      const server = await tryListen(name)
      return server
        ? { state: 'ready', value: new Lock(server) }
        : { state: 'pending', seen: `held by process ${(await askHolder(name)) ?? 'unknown'}` }
    },
    { what, timeoutMs: 30_000, signal },
  )
}

/** The pid of the process that listens, or `undefined` when nothing answers. */
async function askHolder(name: string): Promise<string | undefined> {
  const socket = connect(`\0dpbench/${name}`)
  socket.setTimeout(2000, () => socket.destroy())
  return text(socket).then(
    (pid) => pid || undefined,
    () => undefined,
  )
}
