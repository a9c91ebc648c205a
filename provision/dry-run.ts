/** `--dry-run`: the same plan and the same steps, on hosts that only write down what they are told. */
import { plainProgress } from './progress.ts'
import { createVms } from './create.ts'
import { RecordingHost } from './recorder.ts'
import type { ProvisionRun } from './run.ts'

/** Prints every remote command and file, host by host. Opens no connection, creates nothing, here or there. */
export async function dryRun(
  base: Omit<ProvisionRun, 'journal' | 'connect'>,
  log: (line: string) => void,
): Promise<void> {
  const hosts = new Map<string, RecordingHost>()
  const hostCalled = (name: string): RecordingHost => {
    let host = hosts.get(name)
    if (!host) hosts.set(name, (host = new RecordingHost(name, base.config, base.image)))
    return host
  }
  const run: ProvisionRun = {
    ...base,
    progress: plainProgress(() => undefined),
    onStep: (name, step) =>
      void hosts.get(name)?.lines.push(`# ${step.what}${step.undo ? ' (its undo is journaled first)' : ''}`),
    packer: base.packer.pretend(),
    journal: { record: async ({ what }) => what },
    async connect(address, { via }) {
      if (via)
        hosts
          .get(via.name)
          ?.lines.push(
            `ssh ${address.user}@${address.name} through ${via.name}, host key ${address.hostKey ?? 'from known_hosts'}`,
          )
      return via ? new RecordingHost(address.name, base.config, base.image) : hostCalled(address.name)
    },
  }
  await createVms(run, { to: async (host) => hostCalled(host.name) }, new AbortController())
  log(
    `Disk image ${run.image.file}: ${run.image.format}, ${run.image.size} bytes, ${run.image.dataBytes} of them data, content ${run.image.contentId}`,
  )
  log('Nothing below was done. A hypervisor that has some of it already gets the rest only.')
  for (const host of hosts.values()) {
    const address = run.config.hypervisors.find(({ name }) => name === host.name)
    log('')
    log(
      `${host.name} (${address?.user}@${address?.address}:${address?.port}${address?.sudo ? ', by sudo' : ''})`,
    )
    for (const line of host.lines) log(`  ${line}`)
  }
}
