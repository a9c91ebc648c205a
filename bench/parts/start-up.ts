/** What a command takes before it does anything. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runLocally } from '../../src/core/local-command.ts'
import { type Part, type Reach, seconds } from '../part.ts'
import { dpbenchBin } from '../project.ts'
import type { Stage } from '../stage.ts'

const repository = join(import.meta.dirname, '../..')
const nothing = [process.execPath, '-e', '0']

const secondsMore = (most: number): Reach => ({
  text: `at most ${most} s more`,
  ratio: 'times as long',
  holds: ({ ours, ratio }) => ratio !== undefined && ours - ours / ratio <= most,
})

function timed(argv: readonly string[], { signal }: Stage, cwd?: string): () => Promise<number> {
  return () => seconds(() => runLocally(argv, { signal, ...(cwd === undefined ? {} : { cwd }) }))
}

/** The example of the repository, with keys that there are, and hosts whose keys are known. */
async function exampleConfig(folder: string): Promise<string> {
  const [key, config] = [join(folder, 'key'), join(folder, 'config.json')]
  await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
  const example = await readFile(join(repository, 'config/examples/two-servers.json'), 'utf8')
  const { hypervisors, ...rest } = JSON.parse(example) as { hypervisors: object[] }
  const publicKey = (await readFile(`${key}.pub`, 'utf8')).trim()
  const known = hypervisors.map((each) => ({ ...each, host_key: publicKey }))
  await writeFile(
    config,
    JSON.stringify({ ...rest, hypervisors: known, key_file: key, public_key_file: `${key}.pub` }),
  )
  return config
}

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'start-help',
    what: '`dpbench --help`',
    against: '`node -e 0`',
    unit: 's',
    rounds: 21,
    reach: secondsMore(0.1),
    async prepare(stage) {
      const ours = timed([process.execPath, dpbenchBin, '--help'], stage)
      await ours() // what was compiled is kept from now on
      return { ours, peer: timed(nothing, stage) }
    },
  },
  {
    kind: 'row',
    name: 'start-plan',
    what: '`dpbench plan` of all suites in one mode on two servers',
    against: '`node -e 0`',
    unit: 's',
    rounds: 11,
    reach: secondsMore(0.5),
    async prepare(stage) {
      const folder = await stage.folder()
      const options = ['--mode', 'offload', '--env-config-file', await exampleConfig(folder)]
      const ours = timed([process.execPath, dpbenchBin, 'plan', ...options], stage, folder)
      await ours()
      return { ours, peer: timed(nothing, stage) }
    },
  },
]
