import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { scratchFolder } from '../scratch-folder.ts'

test('a reader that has gone ends nothing, and makes no stack trace', async () => {
  const folder = scratchFolder()
  const key = path.join(folder, 'key')
  await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
  const example = JSON.parse(readFileSync('config/examples/two-servers.json', 'utf8')) as object
  const config = path.join(folder, 'config.json')
  writeFileSync(config, JSON.stringify({ ...example, key_file: key, public_key_file: `${key}.pub` }))
  const image = path.join(folder, 'guest.img')
  writeFileSync(image, Buffer.alloc(1 << 20))

  const dryRun = ['provision', '--dry-run', '--disk-template', image, '--env-config-file', config]
  const child = spawn(process.execPath, [path.resolve('bin/dpbench.ts'), ...dryRun], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy() // Node takes longer to start than this: every write meets a closed pipe
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  expect(await once(child, 'close')).toEqual([0, null])
  expect(errors).toBe('')
})
