/** The transport of a plan: hosts, engines and the controller's programs that write down what they are told. */
import { readFile } from 'node:fs/promises'
import type { DpbenchError } from '../core/errors.ts'
import type { Observe } from '../core/steps.ts'
import type { Instead } from '../transport/instead.ts'
import type { HostAddress } from '../transport/ssh/address.ts'
import { resolveHostKey } from '../transport/ssh/host-key.ts'
import { identityOf } from '../transport/ssh/identity.ts'
import { readKeyFile } from '../transport/ssh/private-key.ts'
import { runLocalProgram } from './local-programs.ts'
import type { PlanRecorder } from './recorder.ts'
import { RecordingEngine } from './recording-engine.ts'
import { RecordingHost } from './recording-host.ts'
import type { World } from './world.ts'

export interface InsteadOptions {
  readonly world: World
  readonly recorder: PlanRecorder
  /** Takes what a connection would be refused for before it reaches the host. */
  readonly onTrouble: (error: DpbenchError) => void
  /** VMs of which only provisioning will know where they are. */
  readonly unprovisioned: ReadonlySet<string>
}

export function recordingInstead({ world, recorder, onTrouble, unprovisioned }: InsteadOptions): Instead {
  const engines = new Map<string, RecordingEngine>()
  const instead: Instead = {
    async connect(host: HostAddress, { observe }: { readonly observe?: Observe | undefined }) {
      if (!unprovisioned.has(host.name)) await checked(host, onTrouble)
      return new RecordingHost(host, { world, recorder, instead, observe })
    },
    dial({ name }) {
      const engine =
        engines.get(name) ??
        new RecordingEngine(world, (container, body) => recorder.creating(name, container, body))
      engines.set(name, engine)
      return engine.dial
    },
    locally: (argv) => runLocalProgram(world, argv),
  }
  return instead
}

/** What a connection looks at before anything is sent. Nobody is asked for a passphrase. */
async function checked(host: HostAddress, onTrouble: (error: DpbenchError) => void): Promise<void> {
  try {
    const text = await readFile(host.keyFile).catch(() => undefined) // whoever connects is told why
    if (!text || readKeyFile(text).kind !== 'encrypted') await identityOf(host.keyFile)
    await resolveHostKey(host, host.hostKey)
  } catch (error) {
    onTrouble(error as DpbenchError)
  }
}
