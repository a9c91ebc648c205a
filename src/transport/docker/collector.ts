/** What a command in a container says on one of its outputs. */
import { Writable } from 'node:stream'

/** As long as what ends a command's output. */
const tailBytes = 64

/** Keeps what it is given, and tells of each `more`. */
export class Collector extends Writable {
  private chunks: Buffer[] = []

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8')
  }

  /** The last bytes: nothing comes after the end of a command's output. */
  get tail(): string {
    let tail = Buffer.alloc(0)
    for (let index = this.chunks.length - 1; index >= 0 && tail.length < tailBytes; index--)
      tail = Buffer.concat([this.chunks[index]!, tail])
    return tail.subarray(-tailBytes).toString('latin1')
  }

  clear(): void {
    this.chunks = []
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk)
    done()
    this.emit('more')
  }
}
