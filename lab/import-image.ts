/** Brings an image that somebody else built into the lab: from this machine's Docker, or from its registry. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { runLocally, tryLocally } from '../src/core/local-command.ts'
import { DpbenchError, describeError } from '../src/core/errors.ts'
import type { ImageBuilder } from './options.ts'

/**
 * A builder that builds nothing: it fetches `image` into the lab's engine and names it `dpservice:<id of its content>`. What this
 * machine's Docker has under that name is meant, and only otherwise what a registry has.
 * @throws DpbenchError when neither has it
 */
export function importedImage(image: string): ImageBuilder {
  return {
    async build({ dockerHost, log, signal }) {
      const docker = (...args: string[]): string[] => ['docker', '--host', dockerHost, ...args]
      if (await isOnThisMachine(image, signal)) {
        log(`taking ${image} from this machine's Docker`)
        await copyFromThisMachine(image, docker('load', '--quiet'))
      } else {
        log(`pulling ${image}`)
        await pull(image, docker, { log, signal })
      }
      const inspect = docker('image', 'inspect', '--format', '{{.Id}}', image)
      const { stdout } = await runLocally(inspect, { signal })
      const reference = `dpservice:${stdout.trim().replace('sha256:', '').slice(0, 16)}`
      await runLocally(docker('tag', image, reference), { signal })
      return { reference }
    },
  }
}

async function isOnThisMachine(image: string, signal: AbortSignal): Promise<boolean> {
  const { exitCode } = await tryLocally(['docker', 'image', 'inspect', '--format', '{{.Id}}', image], {
    signal,
  })
  return exitCode === 0
}

async function copyFromThisMachine(image: string, load: readonly string[]): Promise<void> {
  const save = spawn('docker', ['save', image], { stdio: ['ignore', 'pipe', 'inherit'] })
  const saved = once(save, 'close') as Promise<[number | null]>
  await runLocally(load, { input: save.stdout, timeoutMs: 600_000 })
  const [code] = await saved
  if (code !== 0) throw new DpbenchError(`\`docker save ${image}\` ended with ${code}`)
}

/** An image that the lab's engine has already will do where no registry can be asked. */
async function pull(
  image: string,
  docker: (...args: string[]) => string[],
  { log, signal }: { readonly log: (line: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  try {
    await runLocally(docker('pull', '--quiet', image), { signal, timeoutMs: 900_000 })
  } catch (error) {
    signal.throwIfAborted()
    const known = await tryLocally(docker('image', 'inspect', image), { signal })
    if (known.exitCode === 0) return log(`${image} cannot be pulled; the lab has it from before`)
    throw new DpbenchError(
      `The lab cannot have ${image}: this machine's Docker does not have it, and it cannot be pulled ` +
        `(${describeError(error)}). Build or load it here, or check its name and its registry.`,
      { cause: error },
    )
  }
}
