/**
 * Provisioning: plan → render → ship → define and start → lease → SSH → working config. It imports from src/, nothing
 * of src/ imports it; bin/ calls it.
 */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { provisionedKey, workingConfigFile, type ProvisionedVm } from '../src/config/working-config.ts'
import { environmentFolder } from '../src/config/working-config.ts'
import { openJournal } from '../src/core/journal.ts'
import { UsageError } from '../src/core/errors.ts'
import { acquireLease } from '../src/environment/lease.ts'
import { leaseFile } from '../src/environment/environment.ts'
import type { ProvisionDeps, ProvisionResult, ProvisionedMachine } from './api.ts'
import { Connections, connectBySsh, leasing, telling } from './connections.ts'
import { inspectImage } from './disk-image.ts'
import { dryRun } from './dry-run.ts'
import { createVms } from './create.ts'
import { environmentIdentity } from './identity.ts'
import { readInputs, type ProvisionOptions } from './inputs.ts'
import { Packer } from './pack.ts'
import { partialNameOf } from './places.ts'
import { plainProgress } from './progress.ts'
import type { ProvisionRun } from './run.ts'
import { takeBack } from './clean-up.ts'
import { recordWorkingConfig } from './working-config.ts'

export type { ProvisionOptions } from './inputs.ts'
export { cleanUpProvisioned, type CleanUpResult } from './clean-up.ts'
export { liveProgress, plainProgress, type Progress } from './progress.ts'
export { registerProvisionUndo } from './undo.ts'

export type { ProvisionDeps, ProvisionResult, ProvisionedMachine } from './api.ts'

/**
 * Makes the VMs of a config, or prints what that would take (`dryRun`).
 * @throws UsageError, ConfigError; ProvisionError, CommandError, ConnectionError after all that this run created has been
 * taken back; the signal's reason likewise.
 */
export async function provision(options: ProvisionOptions, deps: ProvisionDeps): Promise<ProvisionResult> {
  if (options.cleanUp) throw new UsageError('--clean-up is done by cleanUpProvisioned')
  const cwd = options.cwd ?? process.cwd()
  const inputs = await readInputs(options)
  const { config } = inputs
  const image = await inspectImage(inputs.diskTemplate, deps.signal)
  const identity = await environmentIdentity(cwd, config.name, !options.dryRun)
  const runId = randomUUID().slice(0, 8)
  const folder = environmentFolder(cwd, config.name)
  const failure = new AbortController()
  const signal = deps.signal ? AbortSignal.any([deps.signal, failure.signal]) : failure.signal
  await using packer = new Packer(image, path.join(folder, 'ship'), partialNameOf(image, runId), signal)
  const base = {
    ...inputs,
    runId,
    identity,
    image,
    packer,
    signal,
    progress: deps.progress ?? plainProgress(deps.log),
  }
  if (options.dryRun) {
    await dryRun(base, deps.log)
    return { environment: config.name, vms: [] }
  }
  const journal = await openJournal(path.join(folder, 'journal.jsonl'))
  await using _lease = await acquireLease(leaseFile(folder), runId, {
    timeoutMs: 10_000,
    signal: deps.signal,
  })
  const connect = deps.connect ?? connectBySsh
  await using connections = new Connections({
    connect: options.verbose ? telling(connect, deps.log) : connect,
    lease: deps.connect ? undefined : leasing(`provisioning ${runId}`, { signal, log: deps.log }),
  })
  const begun = journal.pending('provision')
  const isBegun = (made: string, hypervisor: string): boolean =>
    begun.some(({ host, undo }) => host?.name === hypervisor && undo['folder'] === made)
  const run: ProvisionRun = { ...base, journal, isBegun, connect: connections.connect }
  try {
    const vms = await createVms(run, connections, failure)
    const found = new Map(vms.map((vm) => [provisionedKey(vm.hypervisor, vm.name), fieldsOf(vm)]))
    const workingFile = workingConfigFile(cwd, config.name)
    await recordWorkingConfig(run, inputs.source, workingFile, found)
    return { environment: config.name, workingFile, vms }
  } catch (error) {
    run.progress.finish?.()
    await takeBack(journal, run, connections, deps.log)
    throw error
  }
}

/** As the working config has them. */
function fieldsOf({ address, macAddress, hostKey }: ProvisionedMachine): ProvisionedVm {
  return { host_address: address, mac_address: macAddress, host_key: hostKey }
}
