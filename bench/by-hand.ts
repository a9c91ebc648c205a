/** What a person types: OpenSSH's own programs, on the hosts of a lab. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HypervisorDescription, LabDescription } from '../lab/lab.ts'
import type { HostAddress } from '../src/transport/ssh/address.ts'
import { runLocally } from '../src/core/local-command.ts'
import type { Stage } from './stage.ts'

/** How dpbench reaches a hypervisor of `lab`. */
export function addressOf(
  lab: LabDescription,
  { name, address, port, hostKey }: HypervisorDescription,
): HostAddress {
  return { name, address, port, user: 'root', keyFile: lab.keyFile, hostKey }
}

/** A person's `~/.ssh/config` for the hosts of `lab`, which may then be called by their names. Its path. */
export async function sshConfig(
  stage: Stage,
  lab: LabDescription,
  { controlMaster = false }: { readonly controlMaster?: boolean } = {},
): Promise<string> {
  const folder = await stage.folder()
  const [file, known] = [join(folder, 'config'), join(folder, 'known_hosts')]
  const lines = lab.hypervisors.map(({ address, hostKey }) => `${address} ${hostKey}\n`)
  await writeFile(known, lines.join(''))
  const hosts = lab.hypervisors.map(
    ({ name, address, port }) => `Host ${name}\n  HostName ${address}\n  Port ${port}\n`,
  )
  const shared = controlMaster
    ? ['ControlMaster auto', `ControlPath ${join(folder, '%C')}`, 'ControlPersist yes']
    : []
  const all = [
    'User root',
    `IdentityFile ${lab.keyFile}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${known}`,
    'StrictHostKeyChecking yes',
    'LogLevel ERROR',
    ...shared,
  ]
  await writeFile(file, `${hosts.join('')}Host *\n${all.map((line) => `  ${line}\n`).join('')}`)
  if (controlMaster)
    for (const { name } of lab.hypervisors) {
      await runLocally(['ssh', '-F', file, '-fN', name], { signal: stage.signal })
      stage.own.defer(() => runLocally(['ssh', '-F', file, '-O', 'exit', name]))
    }
  return file
}
