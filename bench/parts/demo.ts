/** The first thing that somebody tries, from nothing: only when it is asked for, as it takes many minutes and fetches packages. */
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DpbenchError, describeError } from '../../src/core/errors.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { type Part, atMost, seconds } from '../part.ts'

const repository = join(import.meta.dirname, '../..')

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'demo',
    optional: true,
    what: '`npm run demo` from a fresh clone',
    against: 'nothing',
    unit: 'min',
    rounds: 1,
    reach: atMost(8, 'min'),
    async prepare({ folder, signal }) {
      const [clone, cache] = [join(await folder(), 'dpbench'), join(await folder(), 'cache')]
      await mkdir(cache)
      await runLocally(['git', 'clone', '--quiet', repository, clone], { signal })
      const env = { ...process.env, XDG_CACHE_HOME: cache }
      const minutes = async (): Promise<number> => {
        const demo = ['npm', 'run', 'demo']
        const options = { cwd: clone, env, signal, timeoutMs: 3_600_000, ownGroup: true }
        return (await seconds(() => orKeepReports(runLocally(demo, options), clone, signal))) / 60
      }
      return {
        ours: minutes,
        checks: async () => [
          {
            name: 'again, with its images and packages there',
            value: await minutes(),
            unit: 'min',
            limit: 4,
          },
        ],
        notes: [
          "of the last commit, into a temporary folder, with an empty cache of its own: npm's packages and the images are made or fetched anew, Debian packages are there",
        ],
      }
    },
  },
]

/** The clone goes with the part, and what a demo that did not pass has to say lies there. */
async function orKeepReports<T>(running: Promise<T>, clone: string, signal: AbortSignal): Promise<T> {
  try {
    return await running
  } catch (error) {
    signal.throwIfAborted()
    const kept = join(repository, 'results', 'demo-that-failed')
    const reports = await cp(join(clone, 'results'), kept, { recursive: true }).then(
      () => `its reports are in ${kept}`,
      (why: unknown) => `its reports could not be kept: ${describeError(why)}`,
    )
    throw new DpbenchError(`the demo did not pass; ${reports}`, { cause: error })
  }
}
