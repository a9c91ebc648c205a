/** `dpbench guest run --on HYPERVISOR`: the launcher for one hypervisor of a config, with what an earlier run left there undone. */
import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { type BenchConfig, environmentFolder, loadConfig } from '../src/config/index.ts'
import { DisposalStack } from '../src/core/disposal-stack.ts'
import { GuestRunError, UsageError } from '../src/core/errors.ts'
import { type Journal, openJournal } from '../src/core/journal.ts'
import { suggest } from '../src/core/suggest.ts'
import { UndoRegistry } from '../src/core/undo.ts'
import { hypervisorAddress, journalHost } from '../src/environment/addresses.ts'
import { type HypervisorLease, leaseHypervisor } from '../src/environment/hypervisor-lease.ts'
import { acquireLease } from '../src/environment/lease.ts'
import { registerGuestUndo } from '../src/guest-run/launch/libvirt-undo.ts'
import { removeImagesCommand } from '../src/guest-run/launch/hypervisor-files.ts'
import { libvirtLauncher } from '../src/guest-run/launch/libvirt.ts'
import type { Launcher } from '../src/guest-run/launcher.ts'
import { connectHost } from '../src/transport/ssh/connect.ts'
import type { HostAddress } from '../src/transport/ssh/address.ts'
import type { SshHost } from '../src/transport/ssh/ssh-host.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import { guestFiles } from './guest-launchers.ts'

export interface HypervisorRequest {
  readonly on: string
  readonly configFile?: string | undefined
  readonly configName?: string | undefined
  /** How long to wait for a hypervisor that somebody else uses. */
  readonly waitForLease?: number | undefined
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

/** Opens it; `open` takes what has to be given back. @throws ConfigError, UsageError, ConnectionError */
export async function openLibvirtLauncher(
  request: HypervisorRequest,
  open: DisposalStack,
): Promise<Launcher> {
  const { log, signal } = request
  const { config, host, journal, runId, lease } = await openHypervisor(request, open)
  const files = await guestFiles({ log, signal })
  const launcher = libvirtLauncher({
    host,
    image: { id: basename(dirname(files.disk)), files },
    domainType: config.libvirt.domainType,
    folder: config.libvirt.imageFolder,
    log,
    journal: async (undo, what) => {
      const id = await journal.record({ runId, scope: 'run', host: journalHost(host.address), undo, what })
      return () => journal.markUndone(id)
    },
  })
  return {
    ...launcher,
    start(plan, options) {
      lease.check()
      return launcher.start(plan, options)
    },
  }
}

/** Removes the images that guest runs of any version have sent, and the folder with them where nothing else is in it. */
export async function removeSentImages(request: HypervisorRequest): Promise<void> {
  await using open = new DisposalStack()
  const { config, host } = await openHypervisor(request, open)
  const { stdout } = await host.run(removeImagesCommand(config.libvirt.imageFolder))
  for (const path of stdout.split('\n').filter(Boolean)) request.log(`${host.name}: removed ${path}`)
  if (stdout === '') request.log(`${host.name}: no image of guest runs was there`)
}

interface OpenedHypervisor {
  readonly config: BenchConfig
  readonly host: SshHost
  readonly journal: Journal
  readonly runId: string
  readonly lease: HypervisorLease
}

/** One user at a time, of this controller and of all others, connected, with what an earlier one left taken back. */
async function openHypervisor(request: HypervisorRequest, open: DisposalStack): Promise<OpenedHypervisor> {
  const { on, waitForLease: waitSeconds, log, signal } = request
  const config = await loadConfig({ file: request.configFile, name: request.configName })
  const address = hypervisorAddress(config, hypervisorOf(config, on))
  const folder = environmentFolder(process.cwd(), config.name)
  const runId = randomUUID()
  open.use(await acquireLease(join(folder, 'guest-runs.lease'), runId, { signal }))
  const host = open.use(await connectHost(address, { signal }))
  const what = `guest run ${runId.slice(0, 8)}`
  const lease = open.use(await leaseHypervisor(host, { what, waitSeconds, signal, log }))
  const journal = await openJournal(join(folder, 'guest-runs.jsonl'))
  await undoEarlier(journal, host, log)
  return { config, host, journal, runId, lease }
}

function hypervisorOf(config: BenchConfig, name: string): BenchConfig['hypervisors'][number] {
  const found = config.hypervisors.find((each) => each.name === name)
  if (found) return found
  const names = config.hypervisors.map((each) => each.name)
  const near = suggest(name, names)
  throw new UsageError(
    `--on ${name}: the config has no such hypervisor; ${near ? `did you mean ${near}?` : `it has ${names.join(', ')}`}`,
  )
}

/** What a killed run left. @throws GuestRunError when it cannot be taken back */
async function undoEarlier(journal: Journal, host: SshHost, log: (line: string) => void): Promise<void> {
  const entries = journal.pending('run')
  if (entries.length === 0) return
  log(`taking back what an earlier guest run left: ${entries.map(({ what }) => what).join(', ')}`)
  await using others = new DisposalStack()
  const registry = registerGuestUndo(new UndoRegistry<RemoteHost>())
  const { notes, left } = await registry.replay(journal, entries, async (of) => {
    if (!of || sameHost(of, host.address)) return host
    return others.use(await connectHost(of))
  })
  for (const note of notes) log(note)
  if (left.length === 0) return
  const reasons = left.map(({ entry, reason }) => `${entry.what}: ${reason}`).join('\n  ')
  throw new GuestRunError(`what an earlier guest run left cannot be taken back:\n  ${reasons}`)
}

function sameHost(
  one: Pick<HostAddress, 'address' | 'port'>,
  other: Pick<HostAddress, 'address' | 'port'>,
): boolean {
  return one.address === other.address && one.port === other.port
}
