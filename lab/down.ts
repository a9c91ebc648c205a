/**
 * Removes a lab, whatever state it is in: driven by the tags on processes, links and cgroups and by the lab's folder, not by
 * a journal, so that it works after a `lab up` that was killed at any moment. Most of a lab is namespaces, which vanish
 * with their first process.
 */
import { readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DpbenchError, describeError } from '../src/core/errors.ts'
import { waitFor } from '../src/core/wait.ts'
import { hugepageFiles, removeHugepages } from './hugepages.ts'
import { ip, machineLinks } from './network/ip.ts'
import { requireLabName } from './options.ts'
import { cacheFolder, labPaths, labsFolder } from './paths.ts'
import { lockLab } from './state/lock.ts'
import { killTagged, taggedProcesses } from './state/processes.ts'
import { labNames } from './state/state.ts'
import { cgroupParent, linkPrefix } from './tag.ts'

export interface LabDownOptions {
  /** Also removes the cache: images, the registry's content. */
  readonly purge?: boolean
}

/**
 * Removes every trace of the lab. Does nothing when there is none.
 * @throws UsageError while another process works on this lab, or when `purge` would empty the cache of a running lab;
 * DpbenchError with a list of what is left, if anything is.
 */
export async function labDown(name: string, { purge = false }: LabDownOptions = {}): Promise<void> {
  requireLabName(name)
  await using _lock = await lockLab(name)
  await removeLab(name)
  if (!purge) return
  const others = await labNames()
  if (others.length > 0) {
    throw new DpbenchError(
      `The lab '${name}' is down, but ${cacheFolder()} was kept: it is in use by ${others.join(', ')}. ` +
        'Take those down, then purge again.',
    )
  }
  await rm(cacheFolder(), { recursive: true, force: true })
}

/** Without the lock, for one who holds it. Goes on after a failing step. */
export async function removeLab(name: string): Promise<void> {
  const failures: string[] = []
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    await step().catch((error: unknown) => failures.push(describeError(error)))
  }
  // Twice: what was being started when `lab up` was killed may appear after the first look.
  for (let round = 0; round < 2; round++) {
    failures.length = 0
    await attempt(() => killTagged(name))
    await attempt(() => removeLinks(name))
    await attempt(() => removeCgroups(name))
    await attempt(() => removeHugepages(hugepageFiles(name)))
    await attempt(() => rm(labPaths(name).folder, { recursive: true, force: true, maxRetries: 3 }))
    if ((await leftovers(name)).length === 0) break
  }
  await removeEmpty(labsFolder)
  await removeEmpty(dirname(labsFolder))
  const left = await leftovers(name)
  if (left.length === 0) return
  throw new DpbenchError(
    [`The lab '${name}' could not be removed whole. What is left:`, ...left, ...failures].join('\n  '),
  )
}

/** One line for each thing of the lab that is on the machine. */
export async function leftovers(name: string): Promise<string[]> {
  const processes = await taggedProcesses(name) // first: what asks for the links is tagged too
  const [links, cgroups, names] = await Promise.all([labLinks(name), labCgroups(name), labNames()])
  return [
    ...processes.map(({ pid, program }) => `process ${pid} (${program})`),
    ...links.map((link) => `network link ${link}`),
    ...cgroups.map((cgroup) => `cgroup ${cgroup}`),
    ...names.filter((other) => other === name).map(() => `folder ${labPaths(name).folder}`),
  ]
}

async function labLinks(name: string): Promise<string[]> {
  const links = await machineLinks(name)
  return links.map(({ ifname }) => ifname).filter((ifname) => ifname.startsWith(linkPrefix(name)))
}

/** The kernel removes a pair when one end's namespace goes, so a link that is gone meanwhile is as good as removed. */
async function removeLinks(name: string): Promise<void> {
  await waitFor<void>(
    async () => {
      const links = await labLinks(name)
      for (const link of links) await ip([`link delete ${link}`], { lab: name }).catch(() => undefined)
      return links.length === 0
        ? { state: 'ready', value: undefined }
        : { state: 'pending', seen: links.join(', ') }
    },
    { what: `the links of the lab '${name}' to go`, timeoutMs: 10_000, intervalMs: 5 },
  )
}

const cgroupRoot = '/sys/fs/cgroup'

/** One in each hierarchy of cgroup v1, or one in all under v2. */
async function labCgroups(name: string): Promise<string[]> {
  const entries = await readdir(cgroupRoot, { withFileTypes: true }).catch(() => [])
  const hierarchies = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(cgroupRoot, entry.name))
  const found = await Promise.all(
    [cgroupRoot, ...hierarchies].map(async (hierarchy) => {
      const children = await readdir(hierarchy).catch((): string[] => [])
      return children.includes(cgroupParent(name)) ? [join(hierarchy, cgroupParent(name))] : []
    }),
  )
  return found.flat()
}

/** A cgroup can be removed as soon as the last of its processes has been reaped. */
async function removeCgroups(name: string): Promise<void> {
  await waitFor<void>(
    async () => {
      for (const cgroup of await labCgroups(name)) await removeCgroupTree(cgroup)
      const left = await labCgroups(name)
      return left.length === 0
        ? { state: 'ready', value: undefined }
        : { state: 'pending', seen: left.join(', ') }
    },
    { what: `the cgroups of the lab '${name}' to go`, timeoutMs: 10_000, intervalMs: 5 },
  )
}

async function removeCgroupTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  for (const entry of entries) if (entry.isDirectory()) await removeCgroupTree(join(folder, entry.name))
  await rmdir(folder)
}

async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(error.code ?? '')) throw error
  })
}
