/** The disk image packed for the way: its sparse archive, compressed once into a file for however many hypervisors. */
import { mkdir, open, rm } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { writing } from '../src/core/disk-fault.ts'
import { type Compression, type Frame, compressed } from './compress.ts'
import type { DiskImage } from './disk-image.ts'
import { sparseTar } from './sparse-tar.ts'

/** What goes over the wire: it can be read from its beginning while its end is still being packed. */
export interface Package {
  /** Bytes so far; all of them once it has been read to its end. */
  readonly bytes: number
  /** A new stream of it, which fails as packing does; `onShare` gets the share of the whole that was read so far, 0 to 1. */
  open(onShare: (share: number) => void): Readable
}

/** Packs on demand, once per compression; removes what it packed at the end. */
export class Packer implements AsyncDisposable {
  readonly #image: DiskImage
  readonly #folder: string
  readonly #memberName: string
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #packages = new Map<Compression, { package: Package; packing: Promise<void> }>()

  constructor(image: DiskImage, folder: string, memberName: string, signal?: AbortSignal) {
    this.#image = image
    this.#folder = folder
    this.#memberName = memberName
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal
  }

  /** Begins to pack unless it has. */
  pack(compression: Compression): Package {
    const found = this.#packages.get(compression)
    if (found) return found.package
    const growing = new GrowingPackage(
      path.join(this.#folder, `${this.#image.contentId}.tar.${compression}`),
      this.#image.dataBytes,
    )
    const frames = compressed(sparseTar(this.#image, this.#memberName), compression)
    const packing = growing.fill(frames, this.#signal)
    this.#packages.set(compression, { package: growing, packing })
    return growing
  }

  /** For a dry run: packs nothing, and gives an empty stream. */
  pretend(): Packer {
    const pretended = new Packer(this.#image, this.#folder, this.#memberName)
    const nothing: Package = { bytes: this.#image.dataBytes, open: () => Readable.from([]) }
    for (const compression of ['zstd', 'gzip'] as const)
      pretended.#packages.set(compression, { package: nothing, packing: Promise.resolve() })
    return pretended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all([...this.#packages.values()].map(({ packing }) => packing))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

const chunkBytes = 256 * 1024

/** A file that some read while it is written. */
class GrowingPackage implements Package {
  bytes = 0
  readonly #file: string
  readonly #dataBytes: number
  /** Bytes of the archive that are packed. */
  #held = 0
  #complete = false
  #failed: { readonly error: unknown } | undefined
  /** Resolves, and is replaced, whenever there is more, or the end is known. */
  #change = Promise.withResolvers<void>()

  constructor(file: string, dataBytes: number) {
    this.#file = file
    this.#dataBytes = dataBytes
  }

  /** Resolves when all is written or writing has failed; the failure is told to those who read. */
  async fill(frames: AsyncIterable<Frame>, signal: AbortSignal): Promise<void> {
    try {
      await this.#write(frames, signal)
      this.#complete = true
    } catch (error) {
      this.#failed = { error }
    }
    this.#changed()
  }

  async #write(frames: AsyncIterable<Frame>, signal: AbortSignal): Promise<void> {
    await mkdir(path.dirname(this.#file), { recursive: true })
    await using handle = await open(this.#file, 'w')
    for await (const { bytes, holds } of frames) {
      signal.throwIfAborted()
      await writing(this.#file, () => handle.writeFile(bytes))
      this.bytes += bytes.length
      this.#held += holds
      this.#changed()
    }
  }

  #changed(): void {
    const { resolve } = this.#change
    this.#change = Promise.withResolvers()
    resolve()
  }

  #isComplete(): boolean {
    if (this.#failed) throw this.#failed.error
    return this.#complete
  }

  open(onShare: (share: number) => void): Readable {
    return Readable.from(this.#follow(onShare), { objectMode: false })
  }

  async *#follow(onShare: (share: number) => void): AsyncGenerator<Buffer> {
    while (this.bytes === 0 && !this.#isComplete()) await this.#change.promise
    const handle = await open(this.#file, 'r')
    try {
      for (let at = 0; ;) {
        if (at < this.bytes) {
          const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, this.bytes - at))
          const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
          if (bytesRead === 0) throw new Error(`${this.#file} became shorter while it was sent`)
          at += bytesRead
          onShare((at / this.bytes) * Math.min(1, this.#held / Math.max(1, this.#dataBytes)))
          yield buffer.subarray(0, bytesRead)
          continue
        }
        if (this.#isComplete()) return
        await this.#change.promise
      }
    } finally {
      await handle.close()
    }
  }
}
