/** A host of a plan: the code that runs commands, on a connection that there is not. */
import { EventEmitter } from 'node:events'
import type { Client } from 'ssh2'
import { type CommandResult, answered } from '../core/command-result.ts'
import type { Observe } from '../core/steps.ts'
import type { RunOptions } from '../transport/host.ts'
import type { Instead } from '../transport/instead.ts'
import type { HostAddress } from '../transport/ssh/address.ts'
import { SshHost } from '../transport/ssh/ssh-host.ts'
import { answer } from './answers.ts'
import type { PlanRecorder } from './recorder.ts'
import { portCommands } from './traffic-answers.ts'
import type { World } from './world.ts'

export interface RecordingOptions {
  readonly world: World
  readonly recorder: PlanRecorder
  readonly instead: Instead
  readonly observe: Observe | undefined
}

export class RecordingHost extends SshHost {
  override readonly instead: Instead
  private readonly world: World
  private readonly recorder: PlanRecorder

  constructor(address: HostAddress, { world, recorder, instead, observe }: RecordingOptions) {
    super(address, new EventEmitter() as Client, { observe })
    this.world = world
    this.recorder = recorder
    this.instead = instead
  }

  protected override async execute(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    options.signal?.throwIfAborted()
    const { as } = options
    if (as?.kind === 'command' && !portCommands(argv[2] ?? ''))
      this.recorder.running(this.name, as.name, argv)
    const stdout = await answer({ world: this.world, machine: this.name, argv, options })
    options.output?.end()
    return answered(this.name, argv, stdout ?? '', stdout === undefined ? 1 : 0)
  }

  override async close(): Promise<void> {}
}
