/** Text that comes in pieces, kept until its one reader takes it. */
import { StringDecoder } from 'node:string_decoder'

export class TextQueue implements AsyncIterable<string> {
  readonly #decoder = new StringDecoder('utf8')
  readonly #pieces: string[] = []
  #ended = false
  #wake: () => void = () => undefined

  /** A character may be cut in two between pieces. */
  push(piece: Buffer): void {
    this.#pieces.push(this.#decoder.write(piece))
    this.#wake()
  }

  end(): void {
    this.#pieces.push(this.#decoder.end())
    this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<string> {
    while (true) {
      if (this.#pieces.length > 0) {
        const text = this.#pieces.splice(0).join('')
        if (text !== '') yield text
      } else if (this.#ended) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
