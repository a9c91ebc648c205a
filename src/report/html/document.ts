/** What every page of dpbench has around its body: it needs no other file, and its policy forbids to fetch one. */
import { createHash } from 'node:crypto'
import { type Fragment, type Markup, html, trusted } from './markup.ts'
import { styles } from './styles.ts'

export interface Page {
  readonly title: string
  readonly body: Markup
  /** Which dpbench made the record. */
  readonly generator?: string
  /** The only script that may run; it is put after the body. */
  readonly script?: string
}

/** A whole HTML document. */
export function documentOf({ title, body, generator, script }: Page): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policyFor(script)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${generator !== undefined && html`<meta name="generator" content="${generator}" />`}
        <title>${title}</title>
        <style>
          ${trusted(styles)}
        </style>
      </head>
      <body>
        ${body} ${scriptElement(script)}
      </body>
    </html> `.text
}

function policyFor(script: string | undefined): string {
  return [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    ...(script === undefined
      ? []
      : [`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

/** Whole, as white space around the script would change its hash. */
function scriptElement(script: string | undefined): Fragment {
  return script !== undefined && trusted(`<script>${script}</script>`)
}
