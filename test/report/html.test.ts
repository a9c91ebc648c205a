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

test('so they are when commands are long and many of them failed; what is cut says so', () => {
  const record = largeRecord()
  const steps = record.steps.map((step, index) => ({
    ...step,
    name: `iperf3 --client 10.0.0.1 ${'--option value '.repeat(20)}`,
    test: { suite: 'vm2vm', name: 'a scenario with a name as they have them' },
    ...(index % 10 === 0 && { outcome: 'failed' as const, output: `${index} `.repeat(800) }),
  }))
  const html = renderHtml({ ...record, steps })
  expect(Buffer.byteLength(html)).toBeLessThan(2_000_000)
  const data = /id="timeline-data">([\s\S]*?)<\/script>/.exec(html)![1]!
  const { marks } = JSON.parse(data) as { marks: { outcome?: string; output: string; cut?: true }[] }
  const failed = marks.filter(({ outcome }) => outcome === 'failed')
  expect(failed).toHaveLength(steps.filter(({ outcome }) => outcome === 'failed').length)
  expect(failed.every(({ output, cut }) => output.length > 100 && cut === true)).toBe(true)
})

test('nothing is fetched: the policy forbids it, and no element asks', () => {
  const html = renderHtml(largeRecord({ scenarios: 1, repetitions: 2, flows: 1, cores: 1, steps: 10 }))
  expect(html).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;/)
  expect(html).not.toMatch(/<(img|link|iframe|object|embed|audio|video|source)\b/)
  expect(html).not.toMatch(/\b(src|href)="(?!#)/)
  expect(html.match(/https?:\/\/(?!www\.w3\.org\/)/g)).toBeNull()
})
