/** Writes a cpio archive in the `newc` form, the one that the kernel unpacks as its initial root file system. */

export type CpioEntry =
  | { readonly kind: 'file'; readonly path: string; readonly content: Buffer; readonly executable?: boolean }
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 'character-device'
      readonly path: string
      readonly major: number
      readonly minor: number
    }

const typeBits = { file: 0o100000, directory: 0o040000, 'character-device': 0o020000 } as const

/** The archive of `entries`, parents before children, all owned by root and without a time, so that it is reproducible. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => member(entry, index + 1))
  return Buffer.concat([
    ...parts,
    ...member({ kind: 'file', path: 'TRAILER!!!', content: Buffer.alloc(0) }, 0),
  ])
}

function member(entry: CpioEntry, inode: number): Buffer[] {
  const content = entry.kind === 'file' ? entry.content : Buffer.alloc(0)
  const permissions =
    entry.kind === 'directory' || (entry.kind === 'file' && entry.executable === true) ? 0o755 : 0o644
  const device = entry.kind === 'character-device' ? entry : { major: 0, minor: 0 }
  const name = Buffer.from(`${entry.path}\0`)
  const fields = [
    inode,
    typeBits[entry.kind] | permissions,
    0,
    0,
    entry.kind === 'directory' ? 2 : 1,
    0,
    content.length,
    0,
    0,
    device.major,
    device.minor,
    name.length,
    0,
  ]
  const header = Buffer.from(`070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`)
  return [padded(Buffer.concat([header, name])), padded(content)]
}

function padded(part: Buffer): Buffer {
  return Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)])
}
