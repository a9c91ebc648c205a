/** A program that serves one port until it is closed, watched for its start and for an untimely end. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** How much of a program's words is kept for an error message, in characters. */
const remembered = 2000

export class Program {
  readonly #child: ChildProcess
  #closing = false

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /**
   * Resolves once the program has written `ready` to its stderr.
   * @throws Error with what it said when it ends before.
   */
  static async start(argv: readonly string[], ready: string): Promise<Program> {
    const [name = '', ...args] = argv
    const child = spawn(name, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const program = new Program(child)
    let said = ''
    let running = false
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-remembered)
      if (!said.includes(ready)) return
      running = true
      resolve()
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      const end = `${argv.join(' ')} ended with ${code ?? signal ?? 'nothing'}: ${said}`
      if (!running) reject(new Error(end))
      else if (!program.#closing) process.stderr.write(`${end}\n`)
    })
    await promise
    return program
  }

  async close(): Promise<void> {
    this.#closing = true
    const ended = once(this.#child, 'exit')
    const alive = this.#child.exitCode === null && this.#child.signalCode === null
    if (alive && this.#child.kill('SIGKILL')) await ended
  }
}
