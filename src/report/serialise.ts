/** Records as text: readable by people, and as small as that lets them be. */
import type { RunRecord, TestRecord } from './record.ts'

/**
 * The record as it is written: readable, with rows of figures, and steps, on one line each. Test by test, so that what is indented
 * before rows are put on one line never is a multiple of the whole.
 */
export function serialiseRecord(record: RunRecord): string {
  return [...recordChunks(record)].join('')
}

/** The text of {@link serialiseRecord} in pieces, each of a test or a step, so that a large record is never whole in memory as text. */
export function* recordChunks(record: RunRecord): Generator<string> {
  const [beforeTests = '', between = '', afterSteps = ''] = serialiseJson({
    ...record,
    tests: [],
    steps: [],
  }).split(/(?<=^ {2}"(?:tests|steps)": )\[\]/m) // the record's own keys alone have two spaces before them
  yield beforeTests
  yield* list(record.tests, testText)
  yield between
  yield* list(record.steps, (step) => JSON.stringify(step))
  yield afterSteps
}

/** Characters: each piece is written by itself. */
const leastPiece = 65_536

function* list<T>(items: readonly T[], textOf: (item: T) => string): Generator<string> {
  if (items.length === 0) return yield '[]'
  let piece = ''
  for (const [index, item] of items.entries()) {
    piece += `${index === 0 ? '[' : ','}\n    ${textOf(item)}`
    if (piece.length < leastPiece) continue
    yield piece
    piece = ''
  }
  yield `${piece}\n  ]`
}

const testText = (test: TestRecord): string => serialiseJson(test).trimEnd().replaceAll('\n', '\n    ')

/** Indented, with rows of figures on one line each. */
export function serialiseJson(document: object): string {
  const indented = JSON.stringify(document, null, 2)
  // A string holds no line break in JSON, so this touches nothing but arrays of numbers.
  return `${indented.replaceAll(/\[\n\s+(-?[\d.e+-]+(?:,\n\s+-?[\d.e+-]+)*)\n\s+\]/g, (_, list: string) => `[${list.replaceAll(/,\n\s+/g, ', ')}]`)}\n`
}
