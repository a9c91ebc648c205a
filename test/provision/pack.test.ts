import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { type Compression, compressed } from '../../provision/compress.ts'
import { type DiskImage, inspectImage } from '../../provision/disk-image.ts'
import { Packer } from '../../provision/pack.ts'
import { scratchFolder } from '../scratch-folder.ts'

const MiB = 1024 * 1024

/** Larger than one piece, with a hole. */
async function imageOf(folder: string): Promise<DiskImage> {
  const file = path.join(folder, 'image.raw')
  writeFileSync(file, Buffer.concat([randomBytes(20 * MiB), Buffer.alloc(5 * MiB), randomBytes(3 * MiB)]))
  return inspectImage(file)
}

describe.each<Compression>(['zstd', 'gzip'])('packed with %s', (compression) => {
  test('it is unpacked by the program of that name, by all who read it while it grows', async () => {
    const folder = scratchFolder()
    const image = await imageOf(folder)
    const packed = path.join(folder, 'packed')
    await using packer = new Packer(image, packed, 'm')
    const shares: number[] = []
    const one = packer.pack(compression)
    expect(packer.pack(compression)).toBe(one)
    const read = await Promise.all([
      buffer(one.open((share) => shares.push(share))),
      buffer(one.open(() => undefined)),
    ])
    const late = await buffer(one.open(() => undefined))
    expect(read.every((each) => each.equals(late))).toBe(true)
    expect(one.bytes).toBe(late.length)
    expect(shares.at(-1)).toBe(1)
    expect(Math.min(...shares)).toBeGreaterThan(0)
    expect(Math.max(...shares)).toBe(1)
    const archive = execFileSync(compression, ['-dc'], { input: late, maxBuffer: 64 * MiB })
    execFileSync('tar', ['-xf', '-', '-C', folder], { input: archive })
    expect(readFileSync(path.join(folder, 'm')).equals(readFileSync(image.file))).toBe(true)
  })
})

test('the first bytes go out before the last ones are packed', async () => {
  let given = 0
  async function* slow(): AsyncGenerator<Buffer> {
    for (; given < 100; given++) yield Buffer.alloc(8 * MiB, given)
  }
  const first = await compressed(slow(), 'gzip').next()
  expect(first.value).toMatchObject({ holds: 8 * MiB })
  expect(given).toBeLessThan(10)
})

test('an image that becomes shorter fails who reads, and leaves no file', async () => {
  const folder = scratchFolder()
  const image = await imageOf(folder)
  truncateSync(image.file, 9 * MiB)
  const packed = path.join(folder, 'packed')
  {
    await using packer = new Packer(image, packed, 'm')
    await expect(buffer(packer.pack('gzip').open(() => undefined))).rejects.toThrow('became shorter')
    await expect(buffer(packer.pack('gzip').open(() => undefined))).rejects.toThrow('became shorter')
  }
  expect(() => statSync(packed)).toThrow('ENOENT')
})

test('a packer that is ended before its end leaves no file', async () => {
  const folder = scratchFolder()
  const packed = path.join(folder, 'packed')
  const packer = new Packer(await imageOf(folder), packed, 'm')
  const reading = buffer(packer.pack('gzip').open(() => undefined))
  const failed = expect(reading).rejects.toThrow('aborted')
  await packer[Symbol.asyncDispose]()
  await failed
  expect(() => statSync(packed)).toThrow('ENOENT')
})
