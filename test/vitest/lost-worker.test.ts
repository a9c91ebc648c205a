/** The process that runs tests dies, as of a lack of memory: what it was at is an error, and none of its tests is missing. */
import { expect, test } from 'vitest'
import { plainProject } from '../e2e/support/plain-project.ts'

test(
  'a test whose process dies is an error, and those after it are told too: exit 3',
  { timeout: 60_000 },
  async () => {
    const project = await plainProject({
      a: {
        first: '',
        second: `await new Promise((resolve) => setTimeout(resolve, 1000)) // Vitest tells what happened every 100 ms
      process.kill(process.pid, 'SIGKILL')
      await new Promise(() => undefined)`,
        third: '',
      },
    })
    const { status, text } = await project.run('--mode', 'offload')
    expect(status, text).toBe(3)
    expect(text).toMatch(
      /ERROR {2}a › second \(offload\)\n.*it did not come to its end: the process that ran it died/,
    )
    const { tests } = await project.record()
    expect(tests.map(({ name, result }) => [name, result.state])).toEqual([
      ['first', 'passed'],
      ['second', 'error'],
      ['third', 'skipped'],
    ])
  },
)
