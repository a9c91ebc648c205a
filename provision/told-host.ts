/** `--verbose`: a connection that tells each command before it runs, and how it ended. */
import type { CommandResult } from '../src/core/command-result.ts'
import { quoteArgv } from '../src/core/shell-quote.ts'
import type { RunOptions } from '../src/transport/host.ts'
import type { Connection } from './run.ts'

export class ToldHost implements Connection {
  readonly name: string
  readonly inner: Connection
  readonly #log: (line: string) => void

  constructor(inner: Connection, log: (line: string) => void) {
    this.name = inner.name
    this.inner = inner
    this.#log = log
  }

  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult> {
    return this.#told(argv, this.inner.run(argv, options))
  }

  tryRun(argv: readonly string[], options?: RunOptions): Promise<CommandResult> {
    return this.#told(argv, this.inner.tryRun(argv, options))
  }

  /** What is in a file is not told: it may be a private key. */
  writeFile(path: string, content: string | Buffer, options?: { readonly mode?: number }): Promise<void> {
    this.#log(`${this.name} > ${path}`)
    return this.inner.writeFile(path, content, options)
  }

  readFile(path: string): Promise<string> {
    this.#log(`${this.name} < ${path}`)
    return this.inner.readFile(path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]()
  }

  async #told(argv: readonly string[], running: Promise<CommandResult>): Promise<CommandResult> {
    this.#log(`${this.name} $ ${quoteArgv(argv)}`)
    const result = await running
    if (result.exitCode !== 0) this.#log(`${this.name}   ended with ${result.exitCode ?? result.signal}`)
    return result
  }
}
