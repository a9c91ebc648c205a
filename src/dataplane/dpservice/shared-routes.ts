/** Routes that several paths need: made with the first of them, and taken back with the last. */
import pLimit, { type LimitFunction } from 'p-limit'
import type { UndoLog } from '../dataplane.ts'
import type { ObjectSpec } from './objects.ts'
import { type ObjectPlace, OwnedObjects } from './owned-objects.ts'

interface Shared {
  /** One after the other: who needs it again while it is taken back has it made again. */
  readonly limit: LimitFunction
  users: number
  objects: OwnedObjects | undefined
}

export interface WantedRoute {
  readonly place: ObjectPlace
  readonly spec: ObjectSpec
}

export class SharedRoutes {
  private readonly undoLog: UndoLog
  private readonly byKey = new Map<string, Shared>()

  constructor(undoLog: UndoLog) {
    this.undoLog = undoLog
  }

  /** One that is there already, and stays. */
  known(hypervisor: string, spec: Pick<ObjectSpec, 'remove'>): void {
    this.entry(hypervisor, spec).users++
  }

  /** Returns what gives it up, which may be called more than once. @throws DpserviceError, DeployError, CommandError */
  async take({ place, spec }: WantedRoute): Promise<() => Promise<void>> {
    const entry = this.entry(place.hypervisor.name, spec)
    await entry.limit(async () => {
      if (entry.users === 0) {
        const objects = new OwnedObjects(this.undoLog)
        await objects.orUndone(() => objects.create(place, spec))
        entry.objects = objects
      }
      entry.users++
    })
    let given: Promise<void> | undefined
    return () =>
      (given ??= entry.limit(async () => {
        entry.users--
        if (entry.users === 0) await entry.objects?.undo()
      }))
  }

  private entry(hypervisor: string, { remove }: Pick<ObjectSpec, 'remove'>): Shared {
    const key = JSON.stringify([hypervisor, ...remove])
    const entry = this.byKey.get(key) ?? { limit: pLimit(1), users: 0, objects: undefined }
    this.byKey.set(key, entry)
    return entry
  }
}
