/** Groups made of scripts, run with both sides on this machine: everything but SSH is the real thing. */
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { type Group, readGroup } from '../../src/pairs/group.ts'
import { OpenGroup, type GroupOptions } from '../../src/pairs/open-group.ts'
import type { PairOutcome } from '../../src/pairs/pair.ts'
import { LocalHost } from '../../src/transport/local-host.ts'

/** Files by their path in the group; those that begin with `#!` become executable. */
export async function groupOf(files: Readonly<Record<string, string>>, name = 'group'): Promise<string> {
  const above = await mkdtemp(join(tmpdir(), 'dpbench-test-pairs-'))
  onTestFinished(() => rm(above, { recursive: true, force: true }))
  const folder = join(above, name)
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    if (content.startsWith('#!')) await chmod(file, 0o755)
  }
  return folder
}

export const bash = (...lines: readonly string[]): string => `#!/bin/bash\n${lines.join('\n')}\n`

export interface TestedGroup {
  readonly open: OpenGroup
  readonly pairs: Group['pairs']
  readonly results: string
  /** Of the machines' folders. */
  readonly folders: string[]
  /** Runs the only pair. */
  run(): Promise<PairOutcome>
  read(path: string): Promise<string>
  list(path: string): Promise<string[]>
}

const limits = { timeoutSeconds: 20, portSeconds: 5, graceSeconds: 1 }
let opened = 0

/** This machine as one of a pair's. */
export function thisMachine(name: string) {
  return { name, address: '127.0.0.1', user: 'root', port: 22, ssh: new LocalHost(name) }
}

export async function openGroup(
  folder: string,
  options: Partial<Omit<GroupOptions, 'limits'>> & { limits?: Partial<typeof limits> } = {},
): Promise<TestedGroup> {
  const group = readGroup(folder)
  const results = join(dirname(folder), 'results', group.name)
  const folders: string[] = []
  const open = await OpenGroup.open({
    group,
    machines: { local: thisMachine('here'), remote: thisMachine('there') },
    runId: `test-${process.pid}-${(opened += 1)}`,
    tag: 'tagged',
    results,
    journal: async (_, { path }) => {
      folders.push(path)
      return async () => undefined
    },
    ...options,
    limits: { ...limits, ...options.limits },
  })
  // a test that has closed it has seen how that went
  onTestFinished(() => open[Symbol.asyncDispose]().catch(() => undefined))
  return {
    open,
    pairs: group.pairs,
    results,
    folders,
    run: () => open.run(group.pairs[0]!),
    read: (path) => readFile(join(results, path), 'utf8'),
    list: async (path) => (await readdir(join(results, path))).toSorted(),
  }
}

/** The command lines of processes with that text in their environment. */
export async function processesWith(text: string): Promise<string> {
  const script = `for e in $(grep -lzF -e "$1" /proc/[0-9]*/environ 2>/dev/null); do tr '\\0' ' ' < "\${e%environ}cmdline"; echo; done`
  return (await tryLocally(['sh', '-c', script, 'sh', text])).stdout.trim()
}
