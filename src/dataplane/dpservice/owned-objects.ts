/** Objects of dpservice that belong together: each in the journal before it is made, all taken back together. */
import type { z } from 'zod'
import type Docker from 'dockerode'
import { DisposalStack } from '../../core/disposal-stack.ts'
import { DpbenchError, describeError } from '../../core/errors.ts'
import { together } from '../../core/together.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import type { UndoLog } from '../dataplane.ts'
import { type DpserviceClient, DpserviceError, understood } from './client.ts'
import type { MadeObjects } from './made-objects.ts'
import type { ObjectSpec } from './objects.ts'
import { undoObject } from './undo.ts'

/** Where an object is made. */
export interface ObjectPlace {
  readonly hypervisor: Hypervisor
  readonly container: Pick<Docker.Container, 'id'>
  readonly client: DpserviceClient
  /** What it holds by this run, for one that is started anew. */
  readonly made?: MadeObjects
}

export class OwnedObjects {
  private readonly undoLog: UndoLog
  private readonly byHypervisor = new Map<string, DisposalStack>()

  constructor(undoLog: UndoLog) {
    this.undoLog = undoLog
  }

  /** Makes an object, and returns what dpservice answered. @throws DpserviceError, DeployError, CommandError */
  async create<Answer extends z.ZodType>(
    { hypervisor, container, client, made }: ObjectPlace,
    spec: ObjectSpec<Answer>,
  ): Promise<z.output<Answer>> {
    const { what, create, remove, answer } = spec
    const data = { container: container.id, arguments: [...remove] }
    const record = await this.undoLog.record({
      hypervisor: hypervisor.name,
      what: `${what} on ${hypervisor.name}`,
      undo: { kind: 'dpservice-object', ...data },
    })
    let answered: unknown
    try {
      answered = await client.call(create)
    } catch (error) {
      if (error instanceof DpserviceError) await record.done() // refused: nothing was made
      else this.defer(hypervisor, () => this.remove(hypervisor, data, record)) // nobody knows
      throw error
    }
    made?.add(spec, answered)
    this.defer(hypervisor, async () => {
      await this.remove(hypervisor, data, record)
      made?.drop(spec)
    })
    return understood(hypervisor.name, create, answer, answered)
  }

  /** Newest first on each hypervisor, hypervisors side by side; on after a failure, and once. */
  async undo(): Promise<void> {
    await together([...this.byHypervisor.values()].map((stack) => stack[Symbol.asyncDispose]()))
  }

  /** Runs `make`; when it fails, what it has made so far is taken back before its error is thrown. */
  orUndone<T>(make: () => Promise<T>): Promise<T> {
    return orUndone(make, () => this.undo())
  }

  private async remove(
    hypervisor: Hypervisor,
    data: { readonly container: string; readonly arguments: readonly string[] },
    record: { done(): Promise<void> },
  ): Promise<void> {
    await undoObject(hypervisor.name, hypervisor.docker, data)
    await record.done()
  }

  private defer({ name }: Hypervisor, undo: () => Promise<void>): void {
    const stack = this.byHypervisor.get(name) ?? new DisposalStack()
    this.byHypervisor.set(name, stack)
    stack.defer(undo)
  }
}

/** Runs `make`; when it fails, `undo` is run before its error is thrown. */
export async function orUndone<T>(make: () => Promise<T>, undo: () => Promise<void>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    try {
      await undo()
    } catch (undoing) {
      throw new DpbenchError(`${describeError(error)}\nand taking back failed: ${describeError(undoing)}`, {
        cause: error,
      })
    }
    throw error
  }
}
