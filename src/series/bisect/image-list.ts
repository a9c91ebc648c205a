/** Images in the order in which they were made: the search by halves, around those that cannot be tested. */
import { UsageError } from '../../core/errors.ts'
import { fileName } from '../../report/names.ts'
import type { Candidate, Candidates, Found } from './candidates.ts'
import type { Judgement } from './judge-step.ts'

export class ImageList implements Candidates {
  readonly good: Candidate
  readonly bad: Candidate
  readonly #images: readonly string[]
  readonly #told = new Map<number, Judgement | 'skip'>()
  #lastGood: number
  #firstBad: number

  /** @throws UsageError when an end is not in the list, or good does not come before bad */
  constructor(
    images: readonly string[],
    ends: { readonly good?: string | undefined; readonly bad?: string | undefined } = {},
  ) {
    this.#images = images
    const twice = images.find((image, index) => images.indexOf(image) < index)
    if (twice !== undefined) throw new UsageError(`--images has ${twice} twice: name each once`)
    this.#lastGood = this.#indexOf('good', ends.good ?? images[0])
    this.#firstBad = this.#indexOf('bad', ends.bad ?? images.at(-1))
    if (this.#lastGood >= this.#firstBad)
      throw new UsageError(
        '--images: name two or more, from the oldest, which is good, to the newest, which is bad',
      )
    this.good = this.#candidate(this.#lastGood)
    this.bad = this.#candidate(this.#firstBad)
  }

  get count(): number {
    return this.#firstBad - this.#lastGood - 1
  }

  /** The one nearest to the middle that nothing was told of. */
  async next(): Promise<Candidate | Found> {
    const between = Array.from({ length: this.count }, (_, index) => this.#lastGood + 1 + index)
    const open = between.filter((index) => !this.#told.has(index))
    const middle = (this.#lastGood + this.#firstBad) / 2
    const [nearest] = open.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))
    if (nearest !== undefined) return this.#candidate(nearest)
    const first = this.#candidate(this.#firstBad)
    if (between.length === 0) return { state: 'found', first }
    return { state: 'hidden', among: [...between.map((index) => this.#candidate(index)), first] }
  }

  async tell({ label }: Candidate, judgement: Judgement | 'skip'): Promise<void> {
    const index = this.#images.indexOf(label)
    this.#told.set(index, judgement)
    if (judgement === 'good') this.#lastGood = Math.max(this.#lastGood, index)
    if (judgement === 'bad') this.#firstBad = Math.min(this.#firstBad, index)
  }

  async argumentsFor({ label }: Candidate): Promise<readonly string[]> {
    return ['--stage', 'cicd', '--docker-image', label]
  }

  async done(): Promise<void> {
    // a run takes back the image that it pulled
  }

  async log(): Promise<readonly string[]> {
    return [
      `good: ${this.good.label}`,
      `bad: ${this.bad.label}`,
      ...[...this.#told].map(([index, judgement]) => `${judgement}: ${this.#images[index]}`),
    ]
  }

  #candidate(index: number): Candidate {
    const label = this.#images[index]!
    const name = fileName(`image-${String(index + 1).padStart(2, '0')}-${label.split('/').at(-1)}`)
    return { id: label, name, label }
  }

  #indexOf(end: string, image: string | undefined): number {
    const index = this.#images.indexOf(image ?? '')
    if (index >= 0) return index
    throw new UsageError(`--${end} ${image ?? ''} is not one of --images ${this.#images.join(',')}`)
  }
}
