/**
 * The folder that takes a guest's uploads. A file arrives beside it and is moved in when it is whole, so nothing of one that
 * was cut short is seen; what all of them may take is bounded.
 */
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { link, mkdir, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sizeText } from './quantities.ts'

export interface UploadLimits {
  readonly fileBytes: number
  readonly totalBytes: number
  readonly files: number
}

export const defaultUploadLimits: UploadLimits = {
  fileBytes: 256 * 2 ** 20,
  totalBytes: 2 ** 30,
  files: 1000,
}

/** More than was allowed: the guest is told, and so is who reads the result. */
export class TooMuch extends Error {}

export class Uploads {
  /** Paths below the folder, in the order of their arrival. */
  readonly kept: string[] = []
  private readonly folder: string
  private readonly arriving: string
  private readonly limits: UploadLimits
  private bytes = 0
  private begun = 0
  private running = 0

  /** `arriving` is on the same file system, and removed by the caller. */
  constructor(folder: string, arriving: string, limits: UploadLimits = defaultUploadLimits) {
    this.folder = folder
    this.arriving = arriving
    this.limits = limits
  }

  /** How many are arriving. */
  get underWay(): number {
    return this.running
  }

  /**
   * Takes a file under `path`, made safe before (safe-names.ts); where it is taken, under `path-2`, and so on.
   * @throws TooMuch, or what cut the stream short; nothing is kept of the file then
   */
  async take(path: string, content: Readable): Promise<string> {
    if (this.begun >= this.limits.files)
      throw new TooMuch(`${path}: at most ${this.limits.files} files are taken`)
    this.begun += 1
    this.running += 1
    const fresh = join(this.arriving, randomUUID())
    let own = 0
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        own += chunk.length
        this.bytes += chunk.length
        if (own > this.limits.fileBytes)
          done(new TooMuch(`${path}: a file may have at most ${sizeText(this.limits.fileBytes)}`))
        else if (this.bytes > this.limits.totalBytes)
          done(
            new TooMuch(`${path}: all files together may have at most ${sizeText(this.limits.totalBytes)}`),
          )
        else done(null, chunk)
      },
    })
    try {
      await mkdir(this.arriving, { recursive: true })
      await pipeline(content, counted, createWriteStream(fresh, { flags: 'wx' }))
      const kept = await this.moveIn(fresh, path)
      this.kept.push(kept)
      return kept
    } catch (error) {
      this.bytes -= own
      this.begun -= 1
      throw error
    } finally {
      this.running -= 1
      await rm(fresh, { force: true })
    }
  }

  private async moveIn(fresh: string, path: string): Promise<string> {
    await mkdir(dirname(join(this.folder, path)), { recursive: true })
    for (let count = 1; ; count++) {
      const name = count === 1 ? path : `${path}-${count}`
      try {
        await link(fresh, join(this.folder, name)) // unlike a rename it never overwrites
        await unlink(fresh)
        return name
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }
}
