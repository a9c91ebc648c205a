/** `--shuffle`: suites and tests in an order of their own, which a seed repeats on any machine and in each mode alike. */
import { createHash } from 'node:crypto'
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import type { RunSettings } from './settings.ts'

/**
 * Files by the hash of seed and path. Vitest's own sequencer shuffles the files of both modes as one list, so that each mode
 * would have another order, and drift over time would look like a difference between them.
 */
class SeededSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { seed } = this.ctx.config.sequence
    const place = new Map(
      files.map((file) => [file, placeOf(seed, relative(file.project.config.root, file.moduleId))]),
    )
    const modeOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder
    return [...files].sort((a, b) => modeOf(a) - modeOf(b) || (place.get(a)! < place.get(b)! ? -1 : 1))
  }
}

function placeOf(seed: number, file: string): string {
  return createHash('sha256').update(`${seed} ${file}`).digest('hex')
}

/** Vitest's `sequence` for the settings. The tests of a file are its own to shuffle. */
export function sequenceOf({ shuffleSeed: seed }: RunSettings): object {
  return seed === undefined ? {} : { shuffle: { tests: true }, seed, sequencer: SeededSequencer }
}
