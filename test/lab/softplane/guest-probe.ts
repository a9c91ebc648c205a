/** The process in a guest that answers connections and makes them (`probe.ts`). */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { TestGuest } from './guest.ts'
import { inNamespace } from './hypervisor.ts'

const program = fileURLToPath(new URL('probe.ts', import.meta.url))

export class Probe implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #lines: Interface

  private constructor(process: ChildProcess, lines: Interface) {
    this.#process = process
    this.#lines = lines
  }

  static async start(guest: TestGuest, ports: readonly number[]): Promise<Probe> {
    const words = [process.execPath, program, guest.spec.name, ...ports.map(String)]
    const [command = '', ...args] = inNamespace(guest.pid, words)
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    await once(lines, 'line')
    return new Probe(child, lines)
  }

  /** What the servers say to `count` connections at once; one request at a time. */
  async connections(address: string, port: number, count: number): Promise<string[]> {
    const answer = once(this.#lines, 'line')
    this.#process.stdin?.write(`${address} ${port} ${count}\n`)
    const [line] = (await answer) as [string]
    return JSON.parse(line) as string[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.stdin?.end()
    await ended
  }
}
