import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

test('a reader that has gone ends nothing, and makes no stack trace', async () => {
  const child = spawn(process.execPath, ['bin/dpbench.ts', 'lab', '--help'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy() // Node takes longer to start than this: every write meets a closed pipe
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  expect(await once(child, 'close')).toEqual([0, null])
  expect(errors).toBe('')
})
