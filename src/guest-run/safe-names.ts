/** Names that come from a guest, made harmless: none leaves the folder that it is looked up in or written to. Pure. */

const longest = 100
const deepest = 8

/**
 * The parts of a path of a URL, without its query: `undefined` where it is no plain path downwards. Nothing is repaired: a
 * `..`, however it is written, an empty part, a backslash or a control character is refused.
 */
export function pathParts(url: string): readonly string[] | undefined {
  const path = url.split(/[?#]/, 1)[0]!
  if (!path.startsWith('/')) return undefined
  try {
    const parts = path
      .slice(1)
      .split('/')
      .map((part) => decodeURIComponent(part))
    return parts.every(isPlain) ? parts : undefined
  } catch {
    return undefined // no valid encoding: no name
  }
}

function isPlain(part: string): boolean {
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  return part !== '' && part !== '.' && part !== '..' && !/[/\\\u0000-\u001f\u007f]/.test(part)
}

/** A part of an uploaded file's name as it is kept: no separators, no leading dot, nothing a shell or a terminal minds. */
export function keptName(part: string): string {
  const plain = part
    .normalize('NFKC')
    .replaceAll(/[^\p{L}\p{N}._+@=,-]+/gu, '-')
    .replace(/^[.-]+/, '')
  return shortened(plain) || 'unnamed'
}

/** A name of more than `longest` bytes is cut in its middle, so that it keeps its extension. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= longest) return name
  const characters = [...name]
  const kept = (text: readonly string[], bytes: number): string => {
    let length = 0
    return text.filter((character) => (length += Buffer.byteLength(character)) <= bytes).join('')
  }
  const extension = /\.[^.]{1,12}$/.exec(name)?.[0] ?? ''
  return kept(characters, longest - Buffer.byteLength(extension)) + extension
}

/** The path, below the uploads, under which a file of these parts is kept; `undefined` for one that lies too deep. */
export function keptPath(parts: readonly string[]): string | undefined {
  return parts.length === 0 || parts.length > deepest ? undefined : parts.map(keptName).join('/')
}

/** What a browser or curl gives as a file's name may be a whole path, of either system: its last part. */
export function uploadedName(filename: string): string {
  return keptName(filename.split(/[/\\]/).findLast((part) => part !== '') ?? '')
}
