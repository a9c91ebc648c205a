/** A lab's state file: what was asked for, how far it came, and its description once it is up. */
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises'
import type { LabDescription } from '../description.ts'
import type { LabSpec } from '../options.ts'
import { labPaths, labsFolder } from '../paths.ts'

export interface LabState {
  readonly version: 1
  readonly name: string
  readonly spec: LabSpec
  /** The first three bytes of its management network: `198.18.7`. */
  readonly block: string
  /** `starting` also stands for a lab whose `lab up` was killed. */
  readonly phase: 'starting' | 'up'
  readonly description?: LabDescription
}

/** `undefined` when there is no such lab, or when its state file was never finished. */
export async function readState(name: string): Promise<LabState | undefined> {
  const text = await readFile(labPaths(name).stateFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : (JSON.parse(text) as LabState)
}

/** Replaces the file in one step, so that a killed `lab up` leaves either the old or the new one. */
export async function writeState(state: LabState): Promise<void> {
  const { folder, stateFile } = labPaths(state.name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(`${stateFile}.new`, `${JSON.stringify(state, undefined, 2)}\n`)
  await rename(`${stateFile}.new`, stateFile)
}

/** The names of all labs that have a folder, also of half-made ones. */
export async function labNames(): Promise<string[]> {
  const entries = await readdir(labsFolder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return entries.sort()
}
