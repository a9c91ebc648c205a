import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createWriteStream } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ExitCode } from '../../src/core/errors.ts'
import { inspectImage } from '../../provision/disk-image.ts'
import { sparseTar } from '../../provision/sparse-tar.ts'
import { scratchFolder } from '../scratch-folder.ts'

const KiB = 1024

/** A sparse file of `size` bytes with `length` bytes of data at each of `offsets`. */
function sparseFile(folder: string, size: number, offsets: readonly number[], length: number): string {
  const file = path.join(folder, 'image.raw')
  const handle = openSync(file, 'w')
  ftruncateSync(handle, size)
  for (const offset of offsets) writeSync(handle, Buffer.alloc(length, 'data'), 0, length, offset)
  closeSync(handle)
  return file
}

describe.each<[string, number, number[], number]>([
  ['with holes all over', 40_000 * KiB, [0, 130 * KiB, 9_999 * KiB, 30_000 * KiB], 100],
  ['that ends within a block of data', 300 * KiB + 77, [300 * KiB], 77],
  ['that ends in a hole of an odd size', 300 * KiB + 77, [0], 5],
  ['without any data', 1000 * KiB, [], 0],
  ['without any hole', 256 * KiB, [0], 256 * KiB],
])('an image %s', (_, size, offsets, length) => {
  test('is the same after GNU tar unpacked it, holes and all', async () => {
    const folder = scratchFolder()
    const image = await inspectImage(sparseFile(folder, size, offsets, length))
    expect(image.size).toBe(size)
    const bytes = readFileSync(image.file)
    const data = Buffer.concat(
      image.extents.map((one) => bytes.subarray(one.offset, one.offset + one.length)),
    )
    expect(image.dataSha256).toBe(createHash('sha256').update(data).digest('hex'))
    const archive = path.join(folder, 'a.tar')
    await pipeline(Readable.from(sparseTar(image, 'unpacked')), createWriteStream(archive))
    execFileSync('tar', ['-xf', archive, '-C', folder])
    const unpacked = path.join(folder, 'unpacked')
    expect(readFileSync(unpacked).equals(readFileSync(image.file))).toBe(true)
    expect(statSync(unpacked).blocks).toBeLessThanOrEqual(
      statSync(image.file).blocks + 128 * (offsets.length + 1),
    )
    expect(statSync(archive).size).toBeLessThan(image.dataBytes + 8 * KiB)
  })
})

test.each([
  [
    'a qcow2 with a backing file',
    Buffer.concat([Buffer.from('QFI\u00fb', 'latin1'), Buffer.from([0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 104])]),
    'qemu-img convert',
  ],
  ['a VMDK', Buffer.from('KDMV and more'), 'VMDK'],
  ['an empty file', Buffer.alloc(0), 'empty'],
])('%s is refused', async (_, content, reason) => {
  const file = path.join(scratchFolder(), 'image')
  writeFileSync(file, content)
  await expect(inspectImage(file)).rejects.toThrow(reason)
})

test('a missing image is a usage error', async () => {
  await expect(inspectImage('/nowhere/image')).rejects.toMatchObject({ exitCode: ExitCode.usage })
})
