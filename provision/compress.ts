/**
 * Compression on several cores: pieces of a stream are compressed side by side, each into a frame (zstd, RFC 8878 3) or member (gzip, RFC 1952
 * 2.2) of its own. Such frames one after the other are one stream to any unpacker.
 */
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import zlib from 'node:zlib'

export type Compression = 'zstd' | 'gzip'

/** What this Node can compress with, best first. zstd came with Node 22.15. */
export const compressions: readonly Compression[] = 'createZstdCompress' in zlib ? ['zstd', 'gzip'] : ['gzip']

/** Larger than what either looks back on, so that little is lost between pieces. */
const pieceBytes = 8 * 1024 * 1024
/** Node has four threads for this; one is left for files. */
const atOnce = Math.min(availableParallelism(), 3)

/**
 * Level 2 makes a guest's disk 5 % bigger than level 3, the default, in about half of its CPU time (measured on 512 MiB of programs: 2.1 s
 * instead of 4.3).
 */
const compressors: Readonly<Record<Compression, (piece: Buffer) => Promise<Buffer>>> = {
  zstd: (piece) =>
    promisify(zlib.zstdCompress)(piece, { params: { [zlib.constants.ZSTD_c_compressionLevel]: 2 } }),
  gzip: (piece) => promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip)(piece, { level: 3 }),
}

export interface Frame {
  readonly bytes: Buffer
  /** How many bytes of the source it holds. */
  readonly holds: number
}

/** The frames of `source`, in order. */
export async function* compressed(
  source: AsyncIterable<Buffer>,
  compression: Compression,
): AsyncGenerator<Frame> {
  const compress = compressors[compression]
  const working: Promise<Frame>[] = []
  try {
    for await (const piece of pieces(source)) {
      const frame = compress(piece).then((bytes) => ({ bytes, holds: piece.length }))
      frame.catch(() => undefined) // it is thrown below, in its turn
      working.push(frame)
      if (working.length >= atOnce) yield await working.shift()!
    }
    while (working.length > 0) yield await working.shift()!
  } finally {
    // when the source or who asks has failed, nobody waits for these
    await Promise.allSettled(working)
  }
}

async function* pieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    waiting.push(chunk)
    bytes += chunk.length
    if (bytes < pieceBytes) continue
    yield Buffer.concat(waiting)
    waiting = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(waiting)
}
