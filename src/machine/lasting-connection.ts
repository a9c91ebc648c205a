/**
 * A VM's connection as whoever needs the VM for long has it: made anew for the next command when it was lost. A VM that does not
 * answer in time is given up, so that what is still asked of it fails at once, with the same sentence.
 */
import { ConnectionError, describeError } from '../core/errors.ts'
import type { CommandResult } from '../core/command-result.ts'
import type { RemoteHost, RunOptions } from '../transport/host.ts'

/** For a VM to answer again: one that crashed and boots takes longer, and is not what it was. */
const backMs = 30_000

export interface LosableMachine {
  readonly name: string
  readonly connected: boolean
  readonly ssh: Pick<RemoteHost, 'run' | 'tryRun'>
  /** Makes it anew. @throws MachineError, ConnectionError */
  connection(timeoutMs: number): Promise<Pick<RemoteHost, 'run' | 'tryRun'>>
}

export class LastingConnection {
  private readonly machine: LosableMachine
  private givenUp: ConnectionError | undefined

  constructor(machine: LosableMachine) {
    this.machine = machine
  }

  /** @throws CommandError, ConnectionError */
  async run(argv: readonly string[], options?: RunOptions): Promise<CommandResult> {
    return (await this.host(options)).run(argv, options)
  }

  /** @throws ConnectionError */
  async tryRun(argv: readonly string[], options?: RunOptions): Promise<CommandResult> {
    return (await this.host(options)).tryRun(argv, options)
  }

  private async host(options: RunOptions | undefined): Promise<Pick<RemoteHost, 'run' | 'tryRun'>> {
    if (this.machine.connected) return this.machine.ssh
    options?.signal?.throwIfAborted()
    if (this.givenUp) throw this.givenUp
    try {
      return await this.machine.connection(backMs)
    } catch (error) {
      throw (this.givenUp ??= new ConnectionError(
        `${this.machine.name} was lost, and does not answer again: ${describeError(error)}`,
        { cause: error },
      ))
    }
  }
}
