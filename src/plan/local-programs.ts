/** The programs of the controller in a plan: docker and tar leave what they would, so far as the code looks at it. */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CommandResult, answered } from '../core/command-result.ts'
import { optionOf } from './tool-outputs.ts'
import type { World } from './world.ts'

/** In the place of an image's configuration: its hash is the image's id. */
const configuration = '{}'

const shortId = 'sha256:'.length + 12

/** Files are written where the commands say; a plan gives them a folder of its own. */
export async function runLocalProgram(world: World, argv: readonly string[]): Promise<CommandResult> {
  return answered('localhost', argv, await outputOf(world, argv))
}

async function outputOf(world: World, argv: readonly string[]): Promise<string> {
  if (argv.includes('build')) {
    const id = `sha256:${createHash('sha256').update(configuration).digest('hex')}`
    world.built.set(id, optionOf(argv, '--tag')!)
    world.assumed.stands(id, '<id of the built image>')
    world.assumed.stands(id.slice(0, shortId), '<id of the built image>') // as a timeline tells it
    await writeFile(optionOf(argv, '--iidfile')!, id)
  }
  if (argv.includes('inspect')) return '[]'
  if (argv.includes('save')) await writeFile(optionOf(argv, '--output')!, '')
  const packed = optionOf(argv, '-cf')
  if (packed !== undefined) await writeFile(packed, '')
  if (argv.includes('-xf')) {
    const folder = optionOf(argv, '-C')!
    await writeFile(join(folder, 'config.json'), configuration)
    await writeFile(join(folder, 'manifest.json'), '[{"Config":"config.json","Layers":[]}]')
  }
  return ''
}
