/** The forms that a run record can take, each made from the record alone. */
import { renderJunit } from './junit.ts'
import { renderPullRequest } from './pull-request.ts'
import type { RunRecord } from './record.ts'
import { serialiseRecord } from './serialise.ts'
import { renderSummary } from './summary.ts'

export interface Form {
  /** Its name in a results folder. */
  readonly file: string
  render(record: RunRecord): Promise<string> | string
}

/** `terminal` is not among them: it depends on who reads it. */
export const forms = {
  json: { file: 'run.json', render: serialiseRecord },
  junit: { file: 'junit.xml', render: renderJunit },
  summary: { file: 'summary.md', render: renderSummary },
  markdown: { file: 'pull-request.md', render: renderPullRequest },
  // loaded when a page is made: the charts take longer to load than everything else to run
  html: {
    file: 'report.html',
    render: async (record) => (await import('./html/page.ts')).renderHtml(record),
  },
} as const satisfies Readonly<Record<string, Form>>

export type FormName = keyof typeof forms
