/**
 * A disk image as a tar archive without its zeros: one member in GNU tar's sparse format 1.0 (tar manual, "PAX Format,
 * Version 1.0"), made here so that the controller needs no program for it, unpacked by any GNU tar.
 */
import { open } from 'node:fs/promises'
import type { DiskImage } from './disk-image.ts'

const block = 512
const chunkSize = 1024 * 1024

/** The archive's bytes. @throws when the image became shorter meanwhile. */
export async function* sparseTar(image: DiskImage, memberName: string): AsyncGenerator<Buffer> {
  const map = sparseMap(image)
  yield paxHeader(memberName, image.size, map.length + padded(image.dataBytes))
  yield header(`GNUSparseFile.0/${memberName}`.slice(0, 100), map.length + padded(image.dataBytes), '0')
  yield map
  const handle = await open(image.file, 'r')
  try {
    for (const { offset, length } of image.extents) {
      for (let done = 0; done < length;) {
        const buffer = Buffer.allocUnsafe(Math.min(chunkSize, length - done))
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset + done)
        if (bytesRead === 0) throw new Error(`${image.file} became shorter while it was read`)
        yield buffer.subarray(0, bytesRead)
        done += bytesRead
      }
    }
  } finally {
    await handle.close()
  }
  // the last extent may end within a block, then two empty blocks end the archive
  yield Buffer.alloc(padded(image.dataBytes) - image.dataBytes + 2 * block)
}

/** Decimal lines: the number of entries, then offset and length of each. An empty last one gives the file its size. */
function sparseMap(image: DiskImage): Buffer {
  const last = image.extents.at(-1)
  const endsInHole = (last ? last.offset + last.length : 0) < image.size
  const entries = endsInHole ? [...image.extents, { offset: image.size, length: 0 }] : image.extents
  const text = [entries.length, ...entries.flatMap(({ offset, length }) => [offset, length])].join('\n')
  const bytes = Buffer.from(`${text}\n`, 'latin1')
  return Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)])
}

function paxHeader(name: string, realSize: number, storedSize: number): Buffer {
  const records = Buffer.from(
    [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', name],
      ['GNU.sparse.realsize', String(realSize)],
      // the plain header's field ends at 8 GiB
      ['size', String(storedSize)],
    ]
      .map(([key, value]) => paxRecord(`${key}=${value}`))
      .join(''),
  )
  return Buffer.concat([
    header('PaxHeaders.0/image', records.length, 'x'),
    records,
    Buffer.alloc(padded(records.length) - records.length),
  ])
}

/** `<length> key=value\n`, where the length counts itself. */
function paxRecord(text: string): string {
  const rest = Buffer.byteLength(text) + 2
  let length = rest + String(rest).length
  length = rest + String(length).length
  return `${length} ${text}\n`
}

/** A ustar header of a file that its owner alone may write. */
function header(name: string, size: number, type: '0' | 'x'): Buffer {
  const bytes = Buffer.alloc(block)
  const octal = (value: number, at: number, digits: number): void => {
    bytes.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1')
  }
  bytes.write(name, 0, 100)
  octal(0o600, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size > 0o77777777777 ? 0 : size, 124, 11)
  octal(0, 136, 11)
  bytes.write('        ', 148, 'latin1')
  bytes.write(type, 156, 'latin1')
  bytes.write('ustar\x0000', 257, 'latin1')
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

function padded(length: number): number {
  return Math.ceil(length / block) * block
}
