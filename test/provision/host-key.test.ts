import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { generateHostKey } from '../../provision/host-key.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { scratchFolder } from '../scratch-folder.ts'

test('OpenSSH reads a host key, and its public half is the one that is pinned', async () => {
  const file = path.join(scratchFolder(), 'key')
  const { privateKey, publicKey } = generateHostKey()
  await writeFile(file, privateKey, { mode: 0o600 })
  const { stdout } = await runLocally(['ssh-keygen', '-y', '-f', file])
  expect(stdout.trim().split(' ').slice(0, 2).join(' ')).toBe(publicKey)
  expect(generateHostKey().publicKey).not.toBe(publicKey)
})
