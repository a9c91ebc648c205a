/** Takes back what a deployment created, from the journal's data alone: only what carries the run's label is removed. */
import type Docker from 'dockerode'
import { z } from 'zod'
import { describeError } from '../../core/errors.ts'
import type { KeepLog } from '../../core/kept-log.ts'
import { accepting, engineStatus } from '../../transport/docker/engine-error.ts'
import { execInContainer } from '../../transport/docker/exec.ts'
import { containerLog } from '../../transport/docker/logs.ts'
import { judge, DpserviceError } from './client.ts'
import { removeContainer } from './container.ts'
import { abortedStatus, goneStatus } from './status-codes.ts'

const containerUndo = z.object({ name: z.string(), runId: z.string() })
const imageUndo = z.object({ reference: z.string() })
const objectUndo = z.object({ container: z.string(), arguments: z.array(z.string()) })

/** An image that stays when a run ends, so that the next one sends what is new alone; clean-up removes it. */
export const keptImage = 'kept-image'

/** By the journal's `kind`. A returned sentence says why something was left alone. */
export const dataplaneUndo: Readonly<
  Record<string, (host: string, docker: Docker, undo: unknown, keepLog?: KeepLog) => Promise<string | void>>
> = {
  async container(host, docker, undo, keepLog) {
    const { name, runId } = containerUndo.parse(undo)
    let note: string | undefined
    const outcome = await removeContainer(docker, name, runId, async (container, mode) => {
      try {
        await keepLog?.({ machine: host, mode, kind: 'data-plane', text: await containerLog(container) })
      } catch (error) {
        note = `${host}: the log of ${name} is not kept: ${describeError(error)}`
      }
    })
    if (outcome === 'not ours') return `${host}: the container ${name} is not of this run and was left alone`
    return note
  },

  image: removeImage,
  [keptImage]: removeImage,

  'dpservice-object': undoObject,
}

async function removeImage(host: string, docker: Docker, undo: unknown): Promise<string | void> {
  const { reference } = imageUndo.parse(undo)
  try {
    await accepting([404], () => docker.getImage(reference).remove())
  } catch (error) {
    if (engineStatus(error) !== 409) throw error
    return `${host}: the image ${reference} is in use by another container and was left`
  }
}

/** gRPC's ABORTED, with those words, is what dpservice answers to everything that comes before `init`: it was started anew. */
function holdsNone({ status, message }: DpserviceError): boolean {
  return goneStatus.has(status) || (status === abortedStatus && message.includes('not initialized'))
}

/** Deletes an object of dpservice. Without its container, or stopped, dpservice holds no object any more. */
export async function undoObject(host: string, docker: Docker, undo: unknown): Promise<void> {
  const { container, arguments: argv } = objectUndo.parse(undo)
  try {
    const command = ['dpservice-cli', '-o', 'json', ...argv]
    judge(host, argv, await execInContainer(host, docker.getContainer(container), command))
  } catch (error) {
    if ([404, 409].includes(engineStatus(error) ?? 0)) return
    if (error instanceof DpserviceError && holdsNone(error)) return
    throw error
  }
}
