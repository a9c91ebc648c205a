/** What one dpservice was given, in the order in which it got it: one that is started anew knows none of it. */
import { z } from 'zod'
import { DeployError } from '../../core/errors.ts'
import type { DpserviceClient } from './client.ts'
import type { ObjectSpec } from './objects.ts'

type Made = Pick<ObjectSpec, 'what' | 'create'>

export class MadeObjects {
  /** By object, the underlay address that it was answered with, where it has one. */
  private readonly objects = new Map<Made, string | undefined>()

  add(object: Made, answer: unknown): void {
    this.objects.set(object, underlayIn(answer))
  }

  drop(object: Made): void {
    this.objects.delete(object)
  }

  /**
   * Makes all of it again. What others route to keeps its address.
   * @throws DpserviceError; DeployError when an object gets another underlay address than it had
   */
  async again(client: DpserviceClient): Promise<void> {
    for (const [{ what, create }, before] of this.objects) {
      const after = underlayIn(await client.call(create))
      if (after !== before)
        throw new DeployError(
          `${client.host}: ${what} had the underlay address ${before} and got ${after} after the restart: what routes to it is wrong`,
        )
    }
  }
}

const answered = z.object({ spec: z.object({ underlay_route: z.string() }) })

function underlayIn(answer: unknown): string | undefined {
  return answered.safeParse(answer).data?.spec.underlay_route
}
