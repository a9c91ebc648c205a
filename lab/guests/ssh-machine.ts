/** A machine of namespaces that has an sshd and nothing else: a namespace guest, and hosts of a bench. */
import { laySshFiles, sshBinds } from '../daemons/sshd.ts'
import { commonBinds, makeHostFolders } from '../namespaces/common.ts'
import { type NamespaceHost, startNamespaceHost } from '../namespaces/namespace-host.ts'
import { laySystemFiles, overlayFolders } from '../namespaces/system-files.ts'

export interface SshMachine {
  readonly lab: string
  readonly name: string
  readonly folder: string
  readonly publicKeyFile: string
  /** In whose namespaces it is started. Default: the machine's. */
  readonly parent?: NamespaceHost
  readonly signal: AbortSignal
}

export interface StartedSshMachine {
  readonly host: NamespaceHost
  /** Of the sshd that is yet to be started. */
  readonly hostKey: string
}

/** Starts its namespaces, with what its sshd needs in them. @throws CommandError, WaitError */
export async function startSshMachine({ publicKeyFile, ...machine }: SshMachine): Promise<StartedSshMachine> {
  const { lab, name, folder } = machine
  await makeHostFolders(folder)
  await laySystemFiles({ lab, name, folder })
  const hostKey = await laySshFiles(lab, name, folder, publicKeyFile)
  const host = await startNamespaceHost({
    ...machine,
    isolation: {
      hostName: name,
      ownNetwork: true,
      cgroups: false,
      devices: 'minimal',
      overlays: await overlayFolders(),
      binds: { ...commonBinds, ...sshBinds },
    },
  })
  return { host, hostKey }
}
