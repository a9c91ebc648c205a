import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { openJournal } from '../../src/core/journal.ts'
import { ConnectionError, ExitCode, HostKeyError } from '../../src/core/errors.ts'
import { cleanUpProvisioned } from '../../provision/main.ts'
import type { Connect, Connection } from '../../provision/run.ts'
import { undo } from '../../provision/undo.ts'
import { dpserviceConfig, site } from '../config/dpservice-file.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { LocalHost } from '../../src/transport/local-host.ts'

class LocalConnection extends LocalHost implements Connection {
  async [Symbol.asyncDispose](): Promise<void> {}
}
const connect: Connect = async ({ name }) => new LocalConnection(name)

/** A journal that knows of an empty folder on this machine. */
async function provisioned(cwd: string, environment: string, hostKey = 'ssh-ed25519 OLD'): Promise<string> {
  const folder = path.join(scratchFolder(), 'images')
  mkdirSync(folder)
  const journal = await openJournal(path.join(cwd, '.dpbench', environment, 'journal.jsonl'))
  const host = {
    name: 'hypervisor-1',
    address: '192.168.23.166',
    port: 22,
    user: 'tli',
    keyFile: '/k',
    hostKey,
    sudo: true,
  }
  await journal.record({
    runId: 'r',
    scope: 'provision',
    host,
    undo: undo.emptyFolder(folder),
    what: `folder ${folder}`,
  })
  return folder
}

const said: string[] = []
const log = (line: string): void => void said.push(line)

describe('clean-up', () => {
  test('needs no config when one environment has something to remove', async () => {
    const { cwd, env } = site()
    const folder = await provisioned(cwd, 'rack')
    expect(await cleanUpProvisioned({ cwd, env }, { log, connect })).toEqual({
      environment: 'rack',
      undone: 1,
    })
    expect(existsSync(folder)).toBe(false)
  })

  test('finds the environment of a config that was deleted or damaged, by its file name', async () => {
    const { cwd, env, write } = site()
    await provisioned(cwd, 'rack')
    await provisioned(cwd, 'other')
    await expect(cleanUpProvisioned({ cwd, env }, { log, connect })).rejects.toThrow(
      /Several environments.*other, rack/,
    )
    expect(
      await cleanUpProvisioned({ cwd, env, envConfigFile: 'gone/rack.json' }, { log, connect }),
    ).toMatchObject({ environment: 'rack' })
    write('{ not JSON', 'other.json')
    expect(
      await cleanUpProvisioned({ cwd, env, envConfigFile: 'other.json' }, { log, connect }),
    ).toMatchObject({ environment: 'other', undone: 1 })
  })

  test('without any journal is a usage error', async () => {
    const { cwd, env } = site()
    const labFolder = path.join(cwd, 'no-labs') // a lab may be up on this machine
    await expect(cleanUpProvisioned({ cwd, env, labFolder }, { log, connect })).rejects.toMatchObject({
      exitCode: ExitCode.usage,
    })
  })

  test('lists what is left, with the reason, and keeps it in the journal', async () => {
    const { cwd, env } = site()
    const folder = await provisioned(cwd, 'rack')
    const unreachable: Connect = async () => {
      throw new ConnectionError('no route to host')
    }
    await expect(cleanUpProvisioned({ cwd, env }, { log, connect: unreachable })).rejects.toMatchObject({
      exitCode: ExitCode.infrastructure,
      message: expect.stringMatching(new RegExp(`folder ${folder}\\n.*no route to host`)),
    })
    expect(await cleanUpProvisioned({ cwd, env }, { log, connect })).toMatchObject({ undone: 1 })
  })

  test('of a host with another key goes on only with the key that the config pins today', async () => {
    const { cwd, env, write } = site()
    const rekeyed: Connect = async (address) => {
      if (address.hostKey !== `ssh-ed25519 ${'N'.repeat(68)}`) throw new HostKeyError('not the pinned one')
      return new LocalConnection(address.name)
    }
    await provisioned(cwd, 'test_configurations')
    const config = dpserviceConfig()
    write(config)
    await expect(cleanUpProvisioned({ cwd, env }, { log, connect: rekeyed })).rejects.toThrow(
      'not the pinned one',
    )
    config.hypervisors[0].host_key = `ssh-ed25519 ${'N'.repeat(68)}`
    write(config)
    expect(await cleanUpProvisioned({ cwd, env }, { log, connect: rekeyed })).toMatchObject({ undone: 1 })
  })

  test('as a dry run tells, newest first, and does nothing', async () => {
    const { cwd, env } = site()
    const folder = await provisioned(cwd, 'rack')
    said.length = 0
    await cleanUpProvisioned({ cwd, env, dryRun: true }, { log, connect })
    expect(said).toEqual([`would take back: folder ${folder}`])
    expect(existsSync(folder)).toBe(true)
  })

  test('takes a folder that somebody put something into for theirs', async () => {
    const { cwd, env } = site()
    const folder = await provisioned(cwd, 'rack')
    writeFileSync(path.join(folder, 'mine'), '')
    said.length = 0
    await cleanUpProvisioned({ cwd, env }, { log, connect })
    expect(said.join('\n')).toContain(`${folder} stays, it is not empty`)
    expect(existsSync(path.join(folder, 'mine'))).toBe(true)
  })
})
