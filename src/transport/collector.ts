/** What a command that runs in a shell says on one of its outputs. */
import { Writable } from 'node:stream'

/** As long as what ends a command's output. */
const tailBytes = 64

/** Keeps what it is given, and tells of each `more`. */
export class Collector extends Writable {
  /** Of all that came since it was cleared, kept or not. */
  bytes = 0
  private chunks: Buffer[] = []

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8')
  }

  /** The last bytes: nothing comes after the end of a command's output. */
  get tail(): string {
    return this.last().toString('latin1')
  }

  clear(): void {
    this.chunks = []
    this.bytes = 0
  }

  /** Keeps what the end is known by, and no more. */
  forget(): void {
    this.chunks = [this.last()]
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk)
    this.bytes += chunk.length
    done()
    this.emit('more')
  }

  private last(): Buffer {
    let tail: Buffer = Buffer.alloc(0)
    for (let index = this.chunks.length - 1; index >= 0 && tail.length < tailBytes; index--)
      tail = Buffer.concat([this.chunks[index]!, tail])
    return tail.subarray(-tailBytes)
  }
}
