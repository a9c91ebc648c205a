/** Pieces that several parts of the page have. */
import { stateOf } from '../outcome.ts'
import type { RunRecord, TestRecord } from '../record.ts'
import { type Ratio, ratioText, ratioTitle, ratiosOf, rowsOf } from '../view.ts'
import { type Fragment, type Markup, html } from './markup.ts'

/** A test with its modes. */
export interface TestGroup {
  /** Of its place on the page. */
  readonly id: string
  readonly suite: string
  readonly name: string
  /** One per mode, in the order of the run. */
  readonly tests: readonly TestRecord[]
  readonly ratio: Ratio | undefined
}

export function groupsOf(record: RunRecord): TestGroup[] {
  const ratios = ratiosOf(record)
  const tests = rowsOf(record).map(({ test }) => test)
  const groups = Map.groupBy(tests, ({ suite, name }) => JSON.stringify([suite, name]))
  return [...groups.values()].map((group, index) => {
    const { suite, name } = group[0]!
    const ratio = ratios.find((each) => each.suite === suite && each.name === name)
    return { id: `test-${index + 1}`, suite, name, tests: group, ratio }
  })
}

export function stateBadge(test: TestRecord): Markup {
  const state = stateOf(test.result)
  return html`<span class="state ${state}">${state}</span>`
}

/** With its interval. */
export function ratioOf(ratio: Ratio): string {
  return `${ratioTitle}: ${ratioText(ratio)}`
}

/** On a narrow screen the table moves, not the page. */
export function scrolling(label: string, content: Fragment): Markup {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${label}">${content}</div>`
}
