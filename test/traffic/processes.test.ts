/** The script around the processes of a traffic tool, in a shell of this machine. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { outputsOf, processesScript } from '../../src/traffic/processes.ts'
import { scratchFolder } from '../scratch-folder.ts'

const speaker = {
  port: 1,
  argv: ['sh', '-c', 'head -c 300000 /dev/zero | tr "\\0" x; echo said >&2; exit 3'],
}

test('what each left comes back whole, and the folder is gone', async () => {
  const folder = scratchFolder()
  const env = { ...process.env, TMPDIR: folder }
  const found = outputsOf(await tryLocally(processesScript([speaker], 'r'), { env }), [1]).get(1)!
  expect({ ...found, stdout: found.stdout.length }).toMatchObject({
    exitCode: 3,
    stderr: 'said\n',
    stdout: 300_000,
  })
  expect(readdirSync(folder)).toEqual([])
})

test('with nobody to read it any more, as after a lost connection, the folder is gone too', async () => {
  const folder = scratchFolder()
  const [program, ...argv] = processesScript([speaker], 'r')
  const child = spawn(program!, argv, {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  child.stdout.destroy()
  await once(child, 'exit')
  expect(readdirSync(folder)).toEqual([])
})
