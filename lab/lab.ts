/**
 * The embedded lab: two or more real hypervisors on one Linux machine, made of namespaces, with guests, a registry and a
 * Docker engine for the controller. Everything above it is the same code as on hardware.
 */
import { UsageError, describeError } from '../src/core/errors.ts'
import { bringUp } from './bring-up.ts'
import { requireLabCapable } from './capable.ts'
import { writeLabConfig } from './config-file.ts'
import type { LabDescription } from './description.ts'
import { removeLab } from './down.ts'
import { chooseBlock } from './network/address-block.ts'
import { labSpec, type LabOptions, type LabSpec } from './options.ts'
import { requirePrograms } from './packages.ts'
import { publishImage } from './publish-image.ts'
import { lockAddresses, lockLab } from './state/lock.ts'
import { type LabState, readState, writeState } from './state/state.ts'
import { faultsOf } from './status.ts'

export { requireLabCapable } from './capable.ts'
export { labDown } from './down.ts'
export { installPackages, missingPackages } from './packages.ts'
export { labShell } from './shell.ts'
export { labStatus } from './status.ts'
export type { HypervisorDescription, LabDescription } from './description.ts'
export type { LabOptions, ImageBuilder } from './options.ts'

/**
 * Brings a lab up, or returns the running one at once when it is equal and healthy. A half-made or broken one of the same
 * name is removed first. A failure or an abort of `signal` takes down what was made.
 * @throws UsageError when this machine cannot host a lab, a program is missing, an option is wrong, another process works
 * on the lab, or one of that name runs with other options.
 */
export async function labUp(options: LabOptions): Promise<LabDescription> {
  const spec = labSpec(options)
  requireLabCapable()
  await requirePrograms()
  const signal = options.signal ?? new AbortController().signal
  signal.throwIfAborted()
  const { name, log } = options
  await using _lock = await lockLab(name)
  const running = await reusable(name, spec, log)
  if (running) return withCurrentImage(running, options, signal)
  await removeLab(name)
  try {
    const block = await reserveBlock(name, spec, signal)
    const description = await bringUp({ options, spec, block, signal })
    await writeLabConfig(description)
    signal.throwIfAborted()
    await writeState({ version: 1, name, spec, block, phase: 'up', description })
    return description
  } catch (error) {
    log(signal.aborted ? 'interrupted; taking the lab down' : 'failed; taking the lab down')
    await removeLab(name).catch((left: unknown) => {
      throw new AggregateError([error, left], describeError(error), { cause: error })
    })
    throw error
  }
}

async function reusable(
  name: string,
  spec: LabSpec,
  log: (line: string) => void,
): Promise<LabState | undefined> {
  const state = await readState(name)
  if (state?.phase !== 'up' || !state.description) return undefined
  const faults = await faultsOf(state)
  if (faults.length > 0) {
    log(`the lab '${name}' is broken (${faults.join('; ')}); making it anew`)
    return undefined
  }
  if (!equal(state, spec)) {
    throw new UsageError(
      `The lab '${name}' is up with other options (${state.spec.guests} guests, ` +
        `${state.spec.hypervisors.length} hypervisors, ${state.spec.dataplane ?? 'softplane'}). Take it down first, or give the new one another name.`,
    )
  }
  return state
}

/** A running lab is reused as it is, but for the data plane's image, whose source may have changed since. */
async function withCurrentImage(
  state: LabState,
  { image: builder, log }: LabOptions,
  signal: AbortSignal,
): Promise<LabDescription> {
  const description = state.description as LabDescription
  if (!builder) return description
  const { registry, controller } = description
  const image = await publishImage({
    builder,
    registry,
    dockerSocket: controller.dockerSocket,
    log,
    signal,
  })
  if (image === description.image) return description
  const changed = { ...description, image }
  await writeLabConfig(changed)
  await writeState({ ...state, description: changed })
  return changed
}

function equal(state: LabState, spec: LabSpec): boolean {
  return JSON.stringify(state.spec) === JSON.stringify(spec)
}

/** The choice is in the state file before another lab may choose. */
async function reserveBlock(name: string, spec: LabSpec, signal: AbortSignal): Promise<string> {
  await using _lock = await lockAddresses(signal)
  const block = await chooseBlock(name, signal)
  await writeState({ version: 1, name, spec, block, phase: 'starting' })
  return block
}
