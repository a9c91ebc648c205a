/** Which image a run really had: names are tags, and tags move. */
import { DpbenchError, UsageError } from '../../core/errors.ts'
import type { RunRecord } from '../../report/record.ts'
import type { Side } from './order.ts'

/** The digests of the data planes of a run, those of all hypervisors and modes together. */
export function imageOf({ dataPlanes }: RunRecord): string {
  const digests = new Set(dataPlanes.map(({ digest, image }) => (digest ?? image).replace(/^.*@/, '')))
  return [...digests].sort().join(' and ')
}

/** Looks, run by run, that each side keeps its image and that the two differ, or with `aa` that they do not. */
export class ImageCheck {
  readonly #names: Readonly<Record<Side, string>>
  readonly #aa: boolean
  readonly #seen: Partial<Record<Side, string>> = {}

  constructor(names: Readonly<Record<Side, string>>, aa: boolean) {
    this.#names = names
    this.#aa = aa
  }

  /** @throws UsageError when the two are not what was meant; DpbenchError when a tag was moved meanwhile */
  learn(side: Side, record: RunRecord): void {
    const found = imageOf(record)
    const known = (this.#seen[side] ??= found)
    if (known !== found)
      throw new DpbenchError(
        `${side}, ${this.#names[side]}, was ${known} and is ${found} now: its tag was moved while it was measured; ` +
          'name images by their digest',
      )
    const { A: a, B: b } = this.#seen
    if (a === undefined || b === undefined) return
    if (a === b && !this.#aa)
      throw new UsageError(
        `A (${this.#names.A}) and B (${this.#names.B}) are the same image, ${a}: there is nothing to tell apart; ` +
          'name another one, or add --aa to see how far two sets of runs of one image lie apart',
      )
    if (a !== b && this.#aa)
      throw new UsageError(
        `A (${this.#names.A}) is ${a} and B (${this.#names.B}) is ${b}: --aa is for one image; leave it out to ` +
          'compare these two',
      )
  }

  get digests(): Partial<Readonly<Record<Side, string>>> {
    return this.#seen
  }
}
