/** One lab with namespace guests for all end-to-end tests of a worker: its first file brings it up, `global-setup.ts` takes it down. */
import { readFile } from 'node:fs/promises'
import { beforeAll } from 'vitest'
import { tryLocally } from '../../../src/core/local-command.ts'
import { CommandError, type CommandResult } from '../../../src/core/command-result.ts'
import { type LabDescription, labUp } from '../../../lab/lab.ts'
import { insideHost } from '../../../lab/namespaces/namespace-host.ts'
import { buildSoftplaneImage } from '../../../lab/softplane/build.ts'
import type { GuestKind } from '../../../lab/options.ts'
import { findHost } from '../../../lab/status.ts'
import { readInit } from '../../../lab/state/processes.ts'
import { hostEnvironment } from '../../../lab/tag.ts'
import { sharedLabName } from '../global-setup.ts'
import { machineSnapshot, type Snapshot } from './snapshot.ts'

export interface TestLab {
  readonly description: LabDescription
  /** `hypervisor-1`, `hypervisor-2`, `vm1`, `vm2`, `vm3` */
  readonly machines: readonly string[]
  /** The lab's config as its file has it. */
  readonly config: Record<string, unknown>
  /** Runs a shell script as root inside a machine, without SSH: what is looked at is not touched by looking. */
  tryShell(machine: string, script: string): Promise<CommandResult>
  /** @throws CommandError */
  shell(machine: string, script: string): Promise<string>
  /** The state of all machines that a run could change. */
  snapshot(): Promise<Snapshot>
}

/** What a guest sends, unless a test compares what the data planes can do: two labs share two cores with all else. */
const guestRate = '300mbit'

export interface LabUse {
  /** Default: namespace guests. The lab with emulated ones is another, whose machines are its hypervisors until provisioning. */
  readonly guests?: GuestKind
  /** The guests' data NICs are as fast as the machine allows; default: `guestRate`, which leaves the machine to others. */
  readonly unlimited?: boolean
  /** No hypervisor has the data plane's image; default: all have, as after somebody else's use, and no run takes it away. */
  readonly withoutImage?: boolean
}

/** Brings the lab up before the file's tests, or finds it up. */
export function useLab(use: LabUse = {}): TestLab {
  let description: LabDescription
  let config: Record<string, unknown>
  const pids = new Map<string, Promise<{ folder: string; pid: number }>>()
  const { guests = 'namespace' } = use
  const name = sharedLabName(process.env['VITEST_POOL_ID']!, guests)
  beforeAll(async () => {
    description = await labUp({
      name,
      guests,
      hypervisors: 2,
      log: () => undefined,
      image: { build: buildSoftplaneImage },
    })
    config = JSON.parse(await readFile(description.configFile, 'utf8')) as Record<string, unknown>
    const shape = use.unlimited
      ? 'tc qdisc del dev eth1 root 2> /dev/null || true'
      : `tc qdisc replace dev eth1 root tbf rate ${guestRate} burst 128k latency 20ms`
    await Promise.all(guestNames().map((vm) => lab.shell(vm, shape)))
    const { image = '' } = description
    const held = `docker image inspect ${image} > /dev/null 2>&1`
    const settle = use.withoutImage
      ? `! ${held} || docker image rm --force ${image}`
      : `${held} || docker pull --quiet ${image}`
    await Promise.all(description.hypervisors.map((each) => lab.shell(each.name, settle)))
  }, 480_000)
  const tryShell = async (machine: string, script: string): Promise<CommandResult> => {
    if (!pids.has(machine)) pids.set(machine, running(name, machine))
    const { folder, pid } = await pids.get(machine)!
    const argv = insideHost({ lab: name, name: machine, folder, pid }, ['sh', '-c', script])
    return tryLocally(argv, { env: hostEnvironment(name, machine), timeoutMs: 180_000 })
  }
  const guestNames = (): string[] =>
    description.hypervisors.flatMap(({ vms }) => vms.filter((vm) => vm.guest).map((vm) => vm.name))
  const lab: TestLab = {
    get description() {
      return description
    },
    get config() {
      return structuredClone(config)
    },
    get machines() {
      return [...description.hypervisors.map((each) => each.name), ...guestNames()]
    },
    tryShell,
    async shell(machine, script) {
      const result = await tryShell(machine, script)
      if (result.exitCode !== 0) throw new CommandError(result)
      return result.stdout
    },
    async snapshot() {
      const entries = lab.machines.map(async (each) => [each, await machineSnapshot(lab, each)] as const)
      return Object.fromEntries(await Promise.all(entries))
    },
  }
  return lab
}

async function running(lab: string, machine: string): Promise<{ folder: string; pid: number }> {
  const found = await findHost(lab, machine)
  const pid = found && (await readInit(found.folder, lab, machine))
  if (!found || pid === undefined) throw new Error(`${machine} of the lab ${lab} does not run`)
  return { folder: found.folder, pid }
}
