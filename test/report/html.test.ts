/** The HTML report as text: its size, and what it is allowed to load. */
import { expect, test } from 'vitest'
import { renderHtml } from '../../src/report/html/page.ts'
import { largeRecord } from './large-record.ts'

test('twelve scenarios in both modes, of the default profile at its most, are less than 2 MB', () => {
  const html = renderHtml(largeRecord())
  expect(Buffer.byteLength(html)).toBeLessThan(2_000_000)
  // of the timeline's steps the failed ones are there whole
  expect(html).toContain(String.raw`line of output 5999\n`)
})

test('nothing is fetched: the policy forbids it, and no element asks', () => {
  const html = renderHtml(largeRecord({ scenarios: 1, repetitions: 2, flows: 1, cores: 1, steps: 10 }))
  expect(html).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;/)
  expect(html).not.toMatch(/<(img|link|iframe|object|embed|audio|video|source)\b/)
  expect(html).not.toMatch(/\b(src|href)="(?!#)/)
  expect(html.match(/https?:\/\/(?!www\.w3\.org\/)/g)).toBeNull()
})
