/** A disk image on the controller: what it is, its hash, and where its data lies between holes and zeros. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { UsageError } from '../src/core/errors.ts'

export interface DiskImage {
  readonly file: string
  readonly format: 'raw' | 'qcow2'
  /** Bytes, holes included. */
  readonly size: number
  /** Names its content: SHA-256 over its size, where its data lies, and the data. Hexadecimal. */
  readonly contentId: string
  /** SHA-256 over the bytes of all extents, one after the other: holes take no time, on either side. */
  readonly dataSha256: string
  /** Ascending, apart from each other; everything else is zeros. */
  readonly extents: readonly Extent[]
  /** Bytes in extents. */
  readonly dataBytes: number
}

export interface Extent {
  readonly offset: number
  readonly length: number
}

/** Zeros are looked for in steps of this size; a multiple of the 512 bytes of a tar block. */
const step = 64 * 1024
const chunkSize = 4 * 1024 * 1024
const zeros = Buffer.alloc(step)

/**
 * Reads the whole image once. Zeros are found by reading, not by asking the file system for holes: it works on every
 * system and also skips zeros that take up space.
 * @throws UsageError when it is not there or not an image that libvirt could start.
 */
export async function inspectImage(file: string, signal?: AbortSignal): Promise<DiskImage> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'does not exist' : `cannot be read (${error.code})`
    throw new UsageError(`The disk template ${file} ${reason}. Name an image with --disk-template IMAGE.`, {
      cause: error,
    })
  })
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new UsageError(`The disk template ${file} is not a file.`)
    if (stats.size === 0) throw new UsageError(`The disk template ${file} is empty.`)
    const hash = createHash('sha256')
    const extents: { offset: number; length: number }[] = []
    const buffer = Buffer.allocUnsafe(chunkSize)
    let head: Buffer | undefined
    let position = 0
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, chunkSize, position)
      if (bytesRead === 0) break
      const chunk = buffer.subarray(0, bytesRead)
      head ??= Buffer.from(chunk.subarray(0, 512))
      for (let at = 0; at < bytesRead; at += step) {
        const part = chunk.subarray(at, Math.min(at + step, bytesRead))
        if (part.equals(part.length === step ? zeros : zeros.subarray(0, part.length))) continue
        hash.update(part)
        const last = extents.at(-1)
        if (last && last.offset + last.length === position + at) last.length += part.length
        else extents.push({ offset: position + at, length: part.length })
      }
      position += bytesRead
    }
    const dataBytes = extents.reduce((sum, extent) => sum + extent.length, 0)
    const format = formatOf(head ?? Buffer.alloc(0), file)
    const dataSha256 = hash.digest('hex')
    const contentId = createHash('sha256')
      .update(JSON.stringify([position, extents, dataSha256]))
      .digest('hex')
    return { file, format, size: position, contentId, dataSha256, extents, dataBytes }
  } finally {
    await handle.close()
  }
}

/** By the magic numbers of the formats that QEMU knows; what has none is raw. */
function formatOf(head: Buffer, file: string): 'raw' | 'qcow2' {
  const magic = head.toString('latin1', 0, 4)
  if (magic === 'QFI\u00fb') {
    if (head.length < 16)
      throw new UsageError(`The disk template ${file} is cut short: fetch or make it again.`)
    // docs/interop/qcow2.txt: bytes 8 to 15 say where the name of a backing file lies
    if (head.readBigUInt64BE(8) !== 0n) {
      throw new UsageError(
        `The disk template ${file} needs a backing file: flatten it with qemu-img convert -O qcow2.`,
      )
    }
    return 'qcow2'
  }
  const other = new Map([
    ['KDMV', 'VMDK'],
    ['cone', 'VHD'],
    ['vhdx', 'VHDX'],
    ['\u001f\u008b\u0008\u0000', 'gzip-compressed'],
    ['\u0028\u00b5\u002f\u00fd', 'zstd-compressed'],
    ['\u00fd7zX', 'xz-compressed'],
  ]).get(magic)
  if (other) {
    throw new UsageError(
      `The disk template ${file} is ${other}: convert it to raw or qcow2, with qemu-img convert or by unpacking it.`,
    )
  }
  return 'raw'
}
