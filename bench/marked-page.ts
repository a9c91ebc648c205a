/** Pages of docs/ of which a part is written by a command, between two marks that name it. Pure. */

export interface MarkedPage {
  /** What lies between the marks. */
  readonly inside: string
  /** The page with this in its place. */
  with(text: string): string
}

/** @throws Error for a page without the marks */
export function markedPage(page: string, command: string): MarkedPage {
  const [begin, end] = ['begin', 'end'].map((side) => `<!-- written by \`${command}\`: ${side} -->`) as [
    string,
    string,
  ]
  const [from, to] = [page.indexOf(begin) + begin.length, page.indexOf(end)]
  if (!page.includes(begin) || to < from)
    throw new Error(`the page has no place for what ${command} writes: write ${begin} and ${end} into it`)
  return {
    inside: page.slice(from, to),
    with: (text) => `${page.slice(0, from)}\n\n${text}\n${page.slice(to)}`,
  }
}
