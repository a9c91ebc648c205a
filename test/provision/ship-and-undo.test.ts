import { mkdirSync, existsSync, readFileSync, readdirSync, writeFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { openJournal, type JournalHost } from '../../src/core/journal.ts'
import { UndoRegistry, type ReplayResult } from '../../src/core/undo.ts'
import { inspectImage } from '../../provision/disk-image.ts'
import { Packer } from '../../provision/pack.ts'
import { imagePlaces } from '../../provision/places.ts'
import { shipImage } from '../../provision/ship.ts'
import { registerProvisionUndo, undo, type UndoHost } from '../../provision/undo.ts'
import type { RunOptions } from '../../src/transport/host.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { environmentId, fixture } from './fixture.ts'
import { LocalHost } from '../../src/transport/local-host.ts'

async function shipment(content: Buffer) {
  const { run, said } = await fixture()
  const folder = scratchFolder()
  const file = path.join(folder, 'source.raw')
  writeFileSync(file, content)
  const image = await inspectImage(file)
  const places = imagePlaces(folder, image, run.runId)
  const packer = new Packer(image, path.join(folder, 'ship'), places.partialName)
  return { run: { ...run, image, packer }, places, said, folder, content }
}

const content = Buffer.concat([Buffer.from('begin'), Buffer.alloc(3_000_000), Buffer.from('end')])

describe.each(['zstd', 'gzip'] as const)('an image shipped with %s', (compression) => {
  test('arrives whole, read-only, with its holes, and is not sent again', async () => {
    const { run, places, said } = await shipment(content)
    await shipImage(run, new LocalHost(), places, compression)
    expect(readFileSync(places.image).equals(content)).toBe(true)
    expect(statSync(places.image).mode & 0o777).toBe(0o444)
    expect(statSync(places.image).blocks * 512).toBeLessThan(content.length / 4)
    await shipImage(run, new LocalHost(), places, compression)
    expect(said.at(-1)).toContain('0 bytes sent')
  })
})

test('an image that is damaged on the way does not get its name', async () => {
  const { run, places } = await shipment(content)
  class DamagingHost extends LocalHost {
    override async tryRun(argv: readonly string[], options?: RunOptions) {
      const result = await super.tryRun(argv, options)
      if (argv[2]?.includes('tar -xf')) {
        const bytes = readFileSync(places.partial)
        bytes[2] = 0
        writeFileSync(places.partial, bytes)
      }
      return result
    }
  }
  await expect(shipImage(run, new DamagingHost(), places, 'gzip')).rejects.toThrow('arrived damaged')
  expect(existsSync(places.image)).toBe(false)
})

test('an image that is cut short on the way fails', async () => {
  const { run, places } = await shipment(content)
  class CuttingHost extends LocalHost {
    override tryRun(argv: readonly string[], options: RunOptions = {}) {
      return super.tryRun(
        argv,
        argv[2]?.includes('tar -xf') ? { ...options, input: Buffer.from('short') } : options,
      )
    }
  }
  await expect(shipImage(run, new CuttingHost(), places, 'gzip')).rejects.toThrow('failed with exit code')
})

describe('clean-up of files', () => {
  const host: JournalHost = {
    name: 'here',
    address: 'here',
    port: 22,
    user: 'root',
    keyFile: '/k',
    sudo: false,
  }

  async function replay(
    folder: string,
    ...steps: ReturnType<(typeof undo)[keyof typeof undo]>[]
  ): Promise<ReplayResult> {
    const journal = await openJournal(path.join(folder, 'journal.jsonl'))
    for (const step of steps)
      await journal.record({ runId: 'r', scope: 'provision', host, undo: step, what: step.kind })
    const registry = registerProvisionUndo(new UndoRegistry<UndoHost>())
    return registry.replay(journal, journal.pending(), async () => new LocalHost())
  }

  function environment(label: string): { root: string; folder: string; overlay: string } {
    const root = scratchFolder()
    const folder = path.join(root, 'env-1')
    mkdirSync(folder)
    writeFileSync(path.join(folder, '.dpbench'), `${label}\n`)
    const overlay = path.join(folder, 'vm1.qcow2')
    writeFileSync(overlay, '')
    return { root, folder, overlay }
  }

  test('takes what carries our label, twice without a fault', async () => {
    const { root, folder, overlay } = environment(environmentId)
    const steps = [
      undo.emptyFolder(root),
      undo.folder(folder, environmentId, []),
      undo.files(folder, environmentId, [overlay]),
    ]
    expect((await replay(scratchFolder(), ...steps)).left).toEqual([])
    expect(existsSync(root)).toBe(false)
    expect((await replay(scratchFolder(), ...steps)).left).toEqual([])
  })

  test('leaves what carries another label, and says so', async () => {
    const { folder, overlay } = environment('somebody-else')
    const result = await replay(
      scratchFolder(),
      undo.folder(folder, environmentId, []),
      undo.files(folder, environmentId, [overlay]),
    )
    expect(result.left).toEqual([])
    expect(result.notes[0]).toContain('belongs to another environment and stays')
    expect(readdirSync(folder)).toEqual(['.dpbench', 'vm1.qcow2'])
  })

  test('leaves a stranger’s file in our folder, and says what is left', async () => {
    const { folder, overlay } = environment(environmentId)
    writeFileSync(path.join(folder, 'vm1.qcow2.bak'), 'mine')
    const result = await replay(
      scratchFolder(),
      undo.folder(folder, environmentId, []),
      undo.files(folder, environmentId, [overlay]),
    )
    expect(existsSync(path.join(folder, 'vm1.qcow2.bak'))).toBe(true)
    expect(result.left).toMatchObject([{ entry: { what: 'provision-folder' } }])
  })

  test('takes the image with its last user only', async () => {
    const root = scratchFolder()
    const places = imagePlaces(root, { contentId: 'abc', format: 'raw' }, 'r')
    mkdirSync(places.users)
    for (const file of [
      places.image,
      places.partial,
      path.join(places.users, 'a'),
      path.join(places.users, 'b'),
    ])
      writeFileSync(file, '')
    const first = await replay(scratchFolder(), undo.image(places, 'a'))
    expect(first.notes[0]).toContain('another environment uses it')
    expect(existsSync(places.image)).toBe(true)
    expect(existsSync(places.partial)).toBe(false)
    await replay(scratchFolder(), undo.image(places, 'b'))
    expect(readdirSync(root)).toEqual([])
  })
})
