/**
 * What a plan said, held against what the run then did: the commands, engine calls, files and connections of each machine and test,
 * as the run's timeline has them. What the plan had to assume is put in from the run; nothing else is forgiven.
 */
import { expect } from 'vitest'
import type { Plan, PlannedMode, PlannedStep } from '../../../src/plan/plan-schema.ts'
import type { RunRecord } from '../../../src/report/record.ts'
import { cutInTheMiddle } from '../../../src/report/step-recorder.ts'

type Step = RunRecord['steps'][number]

/** As long as a timeline keeps a command. */
const keptCharacters = 400

/** The phases of a run that stand for no work on a machine. */
const onlyOfRuns = /^(close the environment|put back what is left)$/

export function expectPlanned(plan: Plan, record: RunRecord): void {
  for (const mode of plan.modes) {
    const steps = record.steps.filter((step) => step.mode === mode.mode)
    const known = new Known(record.runId, steps)
    expect(told(planned(mode), known), `mode ${mode.mode}`).toEqual(done(steps, known))
  }
}

/** By test and machine, each once: how often something is looked at, or repeated, is the run's to find out. */
type Told = Record<string, string[]>

function done(steps: readonly Step[], known: Known): Told {
  return grouped(
    steps.map(({ test, machine, kind }, index) => ({
      place: `${test?.name ?? 'mode'}, ${machine}`,
      kind,
      name: known.names[index]!,
    })),
  )
}

function told(steps: readonly (PlannedStep & { readonly test: string })[], known: Known): Told {
  return grouped(
    steps.map(({ test, machine, kind, name }) => ({
      place: `${test}, ${machine}`,
      kind,
      name: cutInTheMiddle(known.filled(machine, name), keptCharacters),
    })),
  )
}

function grouped(steps: readonly { place: string; kind: string; name: string }[]): Told {
  const lines = steps
    .filter(({ kind, name }) => !(kind === 'phase' && onlyOfRuns.test(name)))
    .map(({ place, kind, name }) => ({ place, line: `${kind} ${settled(name)}` }))
  const places = [...Map.groupBy(lines, ({ place }) => place)].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    places.map(([place, each]) => [place, [...new Set(each.map(({ line }) => line))].sort()]),
  )
}

function planned({ environment, tests }: PlannedMode): (PlannedStep & { test: string })[] {
  const ofTest = (test: string, ...steps: readonly PlannedStep[]): (PlannedStep & { test: string })[] =>
    steps.map((step) => ({ ...step, test }))
  return [
    ...ofTest('mode', ...environment.steps, ...environment.takenBack),
    ...tests.flatMap((test) => ofTest(test.name, ...test.steps, ...test.takenBack)),
  ]
}

/** What depends on clocks, on how often was repeated, or on how many ports of its own the data plane has. */
function settled(name: string): string {
  return name
    .replace(/^repetition \d+ of/, 'repetition 1 of')
    .replace(/ sh( \d+(\.\d+)?| '')$/, ' sh (a time)')
    .replace(/( \/ethdev\/info,\d+)+$/, ' /ethdev/info,…')
}

/** A guest's journal is asked for by how many seconds the run has lasted. */
const journalSeconds = /^sh -c 'most=[\s\S]* sh (\d+)$/

/** What the machines answered, in the place of what the plan had to assume. */
class Known {
  private readonly values = new Map<string, string>()
  /** By machine: how long the run was there, when its journal was asked for. */
  private readonly seconds = new Map<string, string>()
  /** Of the steps, in their order, as a plan tells them: an address that was given back is given again, to something else. */
  readonly names: string[] = []
  /** What has an address of dpservice now. */
  private readonly underlays = new Map<string, string>()
  /** Names by id. */
  private readonly containers = new Map<string, string>()

  constructor(runId: string, steps: readonly Step[]) {
    this.values.set('<run id>', runId)
    for (const { machine, name, output = '' } of steps) {
      const [, seconds] = journalSeconds.exec(name) ?? []
      if (seconds !== undefined) this.seconds.set(machine, seconds)
      // what the preparation of a guest begins with: its first line
      const [boot] = name.startsWith("sh -c 'section()") ? output.split('\n') : []
      if (boot !== undefined) this.values.set(`<boot id of ${machine}>`, boot)
      this.gateway(machine, name)
      this.container(name, output)
      this.underlay(name, output)
      this.names.push(this.named(name))
    }
  }

  filled(machine: string, name: string): string {
    const seconds = this.seconds.get(machine)
    let text = name.replace(journalSeconds, (whole, own: string) =>
      seconds === undefined ? whole : whole.slice(0, -own.length) + seconds,
    )
    for (const [assumed, value] of this.values) text = text.replaceAll(assumed, value)
    return text
  }

  /** With containers by their names, and underlay addresses by what has them: as a plan tells them. */
  private named(name: string): string {
    let text = name
    for (const [id, container] of this.containers) text = text.replaceAll(id, container)
    return text.replaceAll(/(?<==)[0-9a-f:]+(?=$| )/g, (address) => this.underlays.get(address) ?? address)
  }

  private gateway(machine: string, name: string): void {
    const [, gateway, dev] = /ip -4 route del default via (\S+) dev (\S+)/.exec(name) ?? []
    if (gateway === undefined || dev === undefined) return
    this.values.set(`<gateway of ${machine}>`, gateway)
    this.values.set(`<management NIC of ${machine}>`, dev)
    this.values.set(`<data NIC of ${machine}>`, dev === 'eth0' ? 'eth1' : 'eth0')
  }

  /** A run names a container by its id, but where it makes it. */
  private container(name: string, output: string): void {
    const [, container] = /^POST \/containers\/create\?name=(.*)$/.exec(name) ?? []
    const [, id] = /"Id":"([0-9a-f]{12})/.exec(output) ?? []
    if (container !== undefined && id !== undefined) this.containers.set(id, container)
  }

  private underlay(name: string, output: string): void {
    const [, address] = /"underlay_route": ?"([^"]+)"/.exec(output) ?? []
    const [, what, id] = /dpservice-cli -o json create (\w+) .*?--(?:interface-)?id=(\S+)/.exec(name) ?? []
    if (address === undefined || id === undefined) return
    const before = {
      interface: '',
      nat: 'the NAT of ',
      loadbalancer: 'the load balancer ',
      lbprefix: "the load balancer's prefix of ",
    }
    this.underlays.set(address, `<underlay address of ${before[what as keyof typeof before]}${id}>`)
  }
}
