/** The identity of an environment, `<cwd>/.dpbench/<name>/environment.json`: made once, in the label of all that is made. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../src/core/errors.ts'
import { parseJson } from '../src/core/json.ts'
import { environmentFolder } from '../src/config/working-config.ts'
import type { EnvironmentIdentity } from './run.ts'

const schema = z.object({ id: z.uuid(), origin: z.string() })

/** @param write false: an identity that is not there yet is made up and not written. */
export async function environmentIdentity(
  cwd: string,
  name: string,
  write: boolean,
): Promise<EnvironmentIdentity> {
  const folder = environmentFolder(cwd, name)
  const file = path.join(folder, 'environment.json')
  const known = await read(file)
  if (known) return { name, ...known }
  const made = { id: randomUUID(), origin: `${userInfo().username}@${hostname()}:${folder}` }
  if (write) {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const handle = await open(file, 'w', 0o600)
    try {
      await handle.writeFile(`${JSON.stringify(made)}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
  return { name, ...made }
}

async function read(file: string): Promise<{ id: string; origin: string } | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return schema.parse(parseJson(text))
  } catch (error) {
    throw new ConfigError(
      `${file} is damaged; it tells which VMs are ours. Remove it only when none of them is left.`,
      [],
      { cause: error },
    )
  }
}
