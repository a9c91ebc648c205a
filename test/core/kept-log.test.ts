import { expect, test } from 'vitest'
import { BoundedText } from '../../src/core/kept-log.ts'

function gathered(mostBytes: number, text: string, chunk: number): string {
  const bounded = new BoundedText(mostBytes)
  for (let at = 0; at < text.length; at += chunk) bounded.add(Buffer.from(text.slice(at, at + chunk)))
  return bounded.toString()
}

const text = Array.from({ length: 100 }, (_, index) => String(index % 10)).join('')

test.for([1, 3, 7, 40, 100])('a text within the limit is whole, in chunks of %d', (chunk) => {
  expect(gathered(100, text, chunk)).toBe(text)
})

test.for([1, 3, 7, 40, 99, 100])(
  'a longer one keeps its beginning and its end and says what is missing, in chunks of %d',
  (chunk) => {
    expect(gathered(40, text, chunk)).toBe(
      `${text.slice(0, 10)}\n[dpbench left out 60 bytes here]\n${text.slice(-30)}`,
    )
  },
)
