/** Which layers are sent, and the archives that hold them. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { expect, test } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { ImageArchive } from '../../src/transport/docker/image-archive.ts'
import { sharedLayers } from '../../src/transport/docker/layers.ts'
import { isImage } from '../../src/transport/docker/ship.ts'
import { scratchFolder } from '../scratch-folder.ts'

test.each([
  ['an engine without images', [], 0],
  ['another base', [['x', 'b', 'c']], 0],
  ['the base', [['x'], ['a']], 1],
  [
    'an image on the same base',
    [
      ['a', 'x', 'c'],
      ['a', 'b', 'x'],
    ],
    2,
  ],
  ['an image on top of it', [['a', 'b', 'c', 'd']], 3],
  ['layers that are there, but on another base', [['b', 'c']], 0],
])('%s', (_, images, shared) => {
  expect(sharedLayers(['a', 'b', 'c'], images)).toBe(shared)
})

/** As `docker save` of 20.10 leaves it: a layer that is there twice is a link. */
async function saved(): Promise<{ folder: string; digest: string }> {
  const folder = await scratchFolder()
  for (const layer of ['one', 'two', 'three']) await mkdir(join(folder, layer))
  await writeFile(join(folder, 'one/layer.tar'), 'first')
  await writeFile(join(folder, 'two/layer.tar'), 'second')
  await symlink('../one/layer.tar', join(folder, 'three/layer.tar'))
  await writeFile(join(folder, 'c.json'), '{"config":1}')
  const Layers = ['one/layer.tar', 'two/layer.tar', 'three/layer.tar']
  await writeFile(
    join(folder, 'manifest.json'),
    JSON.stringify([{ Config: 'c.json', RepoTags: null, Layers }]),
  )
  return { folder, digest: `sha256:${createHash('sha256').update('{"config":1}').digest('hex')}` }
}

async function unpacked(file: string): Promise<string> {
  const folder = await scratchFolder()
  await runLocally(['tar', '-xzf', file, '-C', folder])
  return folder
}

test('an archive without the layers that are there, its manifest whole and with our tag', async () => {
  const { folder, digest } = await saved()
  const archive = await ImageArchive.read(folder, 'dpbench-dev/lab:latest')
  expect(archive).toMatchObject({ configDigest: digest, layerCount: 3 })
  const { file, bytes } = await archive.without(2)
  expect(bytes).toBe((await readFile(file)).length)
  const inside = await unpacked(file)
  const listed = (await runLocally(['tar', '-tzf', file])).stdout.trim().split('\n')
  expect(listed).toEqual(['manifest.json', 'c.json', 'three/layer.tar'])
  expect(await readFile(join(inside, 'three/layer.tar'), 'utf8')).toBe('first') // the link's target stayed behind
  expect(JSON.parse(await readFile(join(inside, 'manifest.json'), 'utf8'))).toEqual([
    {
      Config: 'c.json',
      RepoTags: ['dpbench-dev/lab:latest'],
      Layers: ['one/layer.tar', 'two/layer.tar', 'three/layer.tar'],
    },
  ])
})

test('it is packed once for all who ask for the same', async () => {
  const { folder } = await saved()
  const archive = await ImageArchive.read(folder, 'a:b')
  expect(archive.without(1)).toBe(archive.without(1))
  expect((await archive.without(1)).file).not.toBe((await archive.without(0)).file)
})

test('an image is the one that was built by its configuration; by its layers where an engine names it by its manifest', () => {
  const found = (id: string, layers: string[], more: object = {}): Docker.ImageInspectInfo =>
    ({ Id: id, RootFS: { Type: 'layers', Layers: layers }, ...more }) as unknown as Docker.ImageInspectInfo
  const containerd = { Descriptor: { digest: 'sha256:m' } }
  expect(isImage(found('sha256:c', ['a']), 'sha256:c', ['a'])).toBe(true)
  expect(isImage(found('sha256:d', ['a']), 'sha256:c', ['a'])).toBe(false)
  expect(isImage(found('sha256:m', ['a'], containerd), 'sha256:c', ['a'])).toBe(true)
  expect(isImage(found('sha256:m', ['a', 'b'], containerd), 'sha256:c', ['a'])).toBe(false)
})
