/** Provisioning of many hypervisors against that of two, until their domains run: booting is the guests' own time. */
import { cpus } from 'node:os'
import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { median } from 'simple-statistics'
import type { LabDescription } from '../../lab/lab.ts'
import { labConfig } from '../../lab/config-file.ts'
import { connectBySsh, telling } from '../../provision/connections.ts'
import { provision } from '../../provision/main.ts'
import { type Part, type Prepared, timesAsLong } from '../part.ts'
import type { Stage } from '../stage.ts'

const many = 8
const few = 2
const megabyte = 1024 * 1024

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'provisioning',
    what: 'provisioning of 8 namespace hypervisors',
    against: 'of 2',
    unit: 's',
    rounds: 3,
    reach: timesAsLong(2),
    prepare,
  },
  {
    kind: 'growth',
    name: 'provisioning-growth',
    what: 'provisioning hypervisors with one VM each, until the domains run',
    axis: 'hypervisors',
    unit: 's',
    sizes: [1, 2, 4, 8],
    rounds: 1,
    async prepare(stage) {
      const setUp = await siteOf(stage)
      return { cost: (size) => untilDomainsRun(stage, setUp, firstHypervisors(size)) }
    },
  },
  {
    kind: 'growth',
    name: 'provisioning-growth-vms',
    what: 'provisioning VMs on one hypervisor, until the domains run',
    axis: 'VMs',
    unit: 's',
    sizes: [1, 2, 4, 8],
    rounds: 1,
    async prepare(stage) {
      const setUp = await siteOf(stage, [vmNames, []])
      return { cost: (size) => untilDomainsRun(stage, setUp, firstVms(size)) }
    },
  },
]

const vmNames = Array.from({ length: many }, (_, index) => `vm${index + 1}`)

/** The hypervisors and VMs of a lab that are provisioned. */
type Choice = (lab: LabDescription) => LabDescription

const firstHypervisors =
  (count: number): Choice =>
  (lab) => ({ ...lab, hypervisors: lab.hypervisors.slice(0, count) })

const firstVms =
  (count: number): Choice =>
  (lab) => ({
    ...lab,
    hypervisors: lab.hypervisors.slice(0, 1).map((each) => ({ ...each, vms: each.vms.slice(0, count) })),
  })

interface Site {
  readonly lab: LabDescription
  readonly folder: string
  readonly disk: string
}

async function siteOf(stage: Stage, vms = vmNames.map((name) => [name])): Promise<Site> {
  const lab = await stage.lab({ guests: 'qemu', hypervisors: vms.length, dataplane: 'none', vms })
  const folder = await stage.folder()
  return { lab, folder, disk: await smallDisk(folder) }
}

async function prepare(stage: Stage): Promise<Prepared> {
  const site = await siteOf(stage)
  const idle: number[] = []
  const busy: Record<'few' | 'many', number[]> = { few: [], many: [] }
  return {
    ours() {
      const used = cpuTimes()
      return untilDomainsRun(stage, site, firstHypervisors(many), () => {
        const { idleSeconds, busySeconds } = used()
        idle.push(idleSeconds / (idleSeconds + busySeconds))
        busy.many.push(busySeconds)
      })
    },
    peer() {
      const used = cpuTimes()
      return untilDomainsRun(stage, site, firstHypervisors(few), () => void busy.few.push(used().busySeconds))
    },
    get notes() {
      const most = Math.round(Math.max(...idle) * 100)
      const [ofFew, ofMany] = [median(busy.few), median(busy.many)]
      const each = (ofMany - ofFew) / (many - few)
      return [
        `${few} hypervisors took ${ofFew.toFixed(1)} s of CPU time of the machine, ${many} took ${ofMany.toFixed(1)} s: ${each.toFixed(2)} s for each more, of which ${cpus().length} cores give ${cpus().length} a second. That is libvirt, QEMU and sshd of hosts which all run here.`,
        `from reading the config until the last domain runs and its lease is asked for, with a small disk (4 MB of data in 64 MB); booting does not count, as emulated guests share the cores of this machine, and without the leases on hypervisors. With ${many}, the cores of the machine that all of them share were idle ${most} % of the time at most.`,
      ]
    },
  }
}

/** What the CPUs of the machine have done since then, of all of them together. */
function cpuTimes(): () => { readonly idleSeconds: number; readonly busySeconds: number } {
  const now = (): { idle: number; busy: number } => {
    const times = cpus().map((cpu) => cpu.times)
    const sum = (part: (each: (typeof times)[number]) => number): number =>
      times.reduce((all, each) => all + part(each), 0) / 1000
    return {
      idle: sum(({ idle }) => idle),
      busy: sum(({ user, nice, sys, irq }) => user + nice + sys + irq),
    }
  }
  const before = now()
  return () => {
    const after = now()
    return { idleSeconds: after.idle - before.idle, busySeconds: after.busy - before.busy }
  }
}

/** Provisions, ends it when every VM's lease is asked for, and has it all taken back. The seconds until then. */
async function untilDomainsRun(
  stage: Stage,
  site: Site,
  choice: Choice,
  onRunning: () => void = () => undefined,
): Promise<number> {
  const lab = choice(site.lab)
  const wanted = lab.hypervisors.reduce((sum, { vms }) => sum + vms.length, 0)
  const cwd = join(site.folder, `of-${wanted}`)
  await mkdir(cwd, { recursive: true })
  const envConfigFile = join(cwd, 'env.json')
  await writeFile(envConfigFile, JSON.stringify(labConfig(lab)), { mode: 0o600 })
  const waiting = new Set<string>()
  const enough = new AbortController()
  const started = performance.now()
  let took: number | undefined
  const onCommand = (line: string): void => {
    const [, vm] = /domifaddr --domain (\S+)/.exec(line) ?? []
    if (vm === undefined) return
    waiting.add(vm)
    if (waiting.size < wanted || took !== undefined) return
    took = (performance.now() - started) / 1000
    onRunning()
    enough.abort(new Error('the domains run'))
  }
  const signal = AbortSignal.any([stage.signal, enough.signal])
  const options = { diskTemplate: site.disk, envConfigFile, cwd, env: {} }
  const connect = telling(connectBySsh, onCommand)
  await provision(options, { log: () => undefined, connect, signal }).catch((error: unknown) => {
    stage.signal.throwIfAborted()
    if (took === undefined) throw error
  })
  return took!
}

/** A raw disk with a part of this program's own packages in it. */
async function smallDisk(folder: string): Promise<string> {
  const file = join(folder, 'disk.raw')
  const text = await readFile(join(import.meta.dirname, '../../node_modules/echarts/dist/echarts.js'))
  const content = Buffer.alloc(4 * megabyte, text)
  const handle = await open(file, 'w')
  try {
    await handle.write(content, 0, content.length, 0)
    await handle.truncate(64 * megabyte)
  } finally {
    await handle.close()
  }
  return file
}
