/** The flight recording of a failure, as its index has it. */
import { join } from 'node:path'
import { expect } from 'vitest'
import type { FlightIndex, FlightSource } from '../../../src/report/flight-schema.ts'
import type { Project } from './project.ts'

export interface Recording {
  readonly index: FlightIndex
  source(machine: string, name: string): FlightSource
  text(machine: string, name: string): Promise<string>
}

/** Of the run's only failure, within its time and its size. */
export async function onlyRecording(project: Project): Promise<Recording> {
  const { flights = [] } = await project.record()
  expect(flights).toHaveLength(1)
  const { folder } = flights[0]!
  const index = JSON.parse(await project.resultFile(join(folder, 'index.json'))) as FlightIndex
  expect(index.durationMs).toBeLessThan(index.limitMs + 3000)
  expect(index.bytes).toBeLessThan(34 * 2 ** 20)
  const source = (machine: string, name: string): FlightSource => {
    const found = index.sources.find((each) => each.machine === machine && each.name === name)
    expect(found, `${name} of ${machine}`).toBeDefined()
    return found!
  }
  return {
    index,
    source,
    text: (machine, name) => project.resultFile(join(folder, source(machine, name).file!)),
  }
}
