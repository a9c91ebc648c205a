/** Breakpoints where nobody can answer; at a terminal they are tried in test/e2e/own-suites.e2e.test.ts. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import { breakAt } from '../../src/vitest/breakpoint.ts'
import { type Message, takeMessages } from '../../src/vitest/messages.ts'
import { wayIn, wayOut } from '../../src/vitest/way-in.ts'

const worker = vi.spyOn(console, 'log').mockImplementation(() => undefined)

function told(): Message[] {
  return worker.mock.calls.flatMap(([line]) => takeMessages(String(line)).messages)
}

describe('a breakpoint', () => {
  afterEach(() => void worker.mockClear())
  const { signal } = new AbortController()
  const run = { interactive: true, wayIn: ['  vm1  npx dpbench ssh vm1'] }

  test('without anybody at a terminal is passed by, with a note', async () => {
    await breakAt({ run: { ...run, interactive: false }, test: 'here', signal }, 'to look')
    expect(told()).toEqual([
      { type: 'log', text: 'breakpoint (to look) in "here": passed by, as nobody is at a terminal' },
    ])
  })

  test('shows the way in, and a time limit that goes on; without its terminal it ends the test', async () => {
    const at = { run, test: 'here', ownLimitMs: 5000, signal, terminal: '/nowhere/tty' }
    await expect(breakAt(at)).rejects.toThrow(UsageError)
    const [stop, goOn] = told()
    expect(stop).toMatchObject({ type: 'stop' })
    expect(stop).toHaveProperty(
      'text',
      expect.stringMatching(
        /^breakpoint in "here": stopped\n {2}vm1 .*\n.*of its own, 5 s, .*\nEnter goes on\.$/,
      ),
    )
    expect(goOn).toEqual({ type: 'goOn' })
  })

  test('does not stop a test that was ended', async () => {
    const over = AbortSignal.abort(new Error('over'))
    await expect(breakAt({ run, test: 'here', signal: over })).rejects.toThrow('over')
    expect(told()).toEqual([])
  })
})

test('the way into each machine, and the way out, name the config as it was chosen', () => {
  const config = {
    sourceFile: '/a b/site.json',
    hypervisors: [{ name: 'host', user: 'root', address: '192.0.2.1', vms: [{ name: 'vm1' }] }],
  } as unknown as Parameters<typeof wayIn>[0]
  expect(wayIn(config, { envConfigName: 'left' })).toEqual([
    "  host  root@192.0.2.1  npx dpbench ssh host --env-config-file '/a b/site.json' --env-config-name left",
    "  vm1   on host         npx dpbench ssh vm1 --env-config-file '/a b/site.json' --env-config-name left",
  ])
  expect(wayOut(config, {})).toMatch(
    /npx dpbench provision --clean-up --env-config-file '\/a b\/site\.json'$/,
  )
})
