/** What a kernel is built with, and which Debian package has it. */
import { delimiter, join } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import { type KernelTree, exists } from './make.ts'

interface Needed {
  readonly package: string
  /** A program in the PATH, or a header of C. */
  readonly needs: string
  /** The file or folder of a source tree that is built with it. */
  readonly for: string
}

const needed: readonly Needed[] = [
  { package: 'make', needs: 'make', for: 'Makefile' },
  { package: 'gcc', needs: 'gcc', for: 'init/main.c' },
  { package: 'binutils', needs: 'ld', for: 'init/main.c' },
  { package: 'flex', needs: 'flex', for: 'scripts/kconfig/lexer.l' },
  { package: 'bison', needs: 'bison', for: 'scripts/kconfig/parser.y' },
  { package: 'bc', needs: 'bc', for: 'kernel/time/timeconst.bc' },
  { package: 'libelf-dev', needs: 'gelf.h', for: 'tools/objtool' },
  { package: 'libssl-dev', needs: 'openssl/opensslv.h', for: 'certs/Makefile' },
]

const headers = ['/usr/include', '/usr/include/x86_64-linux-gnu', '/usr/local/include']

/** @throws UsageError naming what the tree is built with and this machine lacks, with the Debian packages that have it */
export async function checkPrograms({ source }: KernelTree): Promise<void> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  const missing: Needed[] = []
  for (const each of needed) {
    if (!(await exists(join(source, each.for)))) continue
    const places = each.needs.endsWith('.h') ? headers : folders
    const there = await Promise.all(places.map((place) => exists(join(place, each.needs))))
    if (!there.includes(true)) missing.push(each)
  }
  if (missing.length === 0) return
  throw new UsageError(
    `the kernel of ${source} is built with ${missing.map(({ needs }) => needs).join(', ')}, which this machine lacks: ` +
      `apt-get install ${missing.map((each) => each.package).join(' ')}`,
  )
}
