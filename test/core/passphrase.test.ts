/** The passphrase of the key is for dpbench alone: programs that it starts on the controller are not given it. */
import { afterEach, expect, test, vi } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { passphraseVariable } from '../../src/core/passphrase.ts'
import { spawned } from '../../src/guest-run/launch/processes.ts'

afterEach(() => void vi.unstubAllEnvs())

test('neither a command nor an emulator has it in its environment', async () => {
  vi.stubEnv(passphraseVariable, 'opal')
  vi.stubEnv('BESIDE_IT', 'yes')
  expect((await runLocally(['env'])).stdout).toMatch(/^BESIDE_IT=yes$/m)
  const given = { ...process.env, MORE: '1' }
  for (const env of [undefined, given]) {
    const { stdout } = await runLocally(['env'], env ? { env } : {})
    expect(stdout).not.toContain('opal')
  }
  const child = await spawned(['env'], { env: given, stdio: ['ignore', 'pipe', 'ignore'] })
  let said = ''
  for await (const chunk of child.stdout!) said += String(chunk)
  expect(said).toMatch(/^MORE=1$/m)
  expect(said).not.toContain('opal')
})
