/** The script around the processes of a traffic tool, in a shell of this machine. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { answered } from '../../src/core/command-result.ts'
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

/** Listens, says so, and takes two seconds to end at SIGTERM. */
const slowToEnd = `process.on('SIGTERM', () => setTimeout(() => process.exit(0), 2000)); console.log('up'); setInterval(() => {}, 1000)`

test.for([
  [false, 0, 2000, 20_000],
  [true, 129, 0, 1900],
] as const)(
  'SIGTERM to the group waits for what takes its time, unless it hangs up (%s)',
  async ([hangUp, status, least, most]) => {
    const folder = scratchFolder()
    const argv = [process.execPath, '-e', slowToEnd]
    const [program, ...words] = processesScript(
      [1, 2].map((port) => ({ port, argv })),
      'r',
      hangUp,
    )
    const child = spawn(program!, words, {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    const said = (): number =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.out'))
        .filter((name) => readFileSync(join(folder, name), 'utf8').includes('up')).length
    await expect.poll(said, { timeout: 10_000 }).toBe(2)
    const began = performance.now()
    process.kill(-child.pid!, 'SIGTERM')
    await once(child, 'close')
    const took = performance.now() - began
    expect(took).toBeGreaterThanOrEqual(least)
    expect(took).toBeLessThan(most)
    const stdout = Buffer.concat(chunks).toString('utf8')
    const found = outputsOf({ ...answered('localhost', words, stdout) }, [1, 2])
    for (const port of [1, 2]) expect(found.get(port)).toMatchObject({ exitCode: status, stdout: 'up\n' })
    expect(readdirSync(folder)).toEqual([])
  },
)
