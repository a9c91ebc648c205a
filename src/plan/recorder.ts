/** Keeps the steps of a plan and the undo that its journal is given, each in the part that it belongs to. */
import { z } from 'zod'
import type { JournalEntry } from '../core/journal.ts'
import { quoteArgv } from '../core/shell-quote.ts'
import type { Observe } from '../core/steps.ts'
import { recordWithoutSecrets } from '../report/secrets.ts'
import { cleanCut } from '../report/step-recorder.ts'
import type { Assumed } from './assumed.ts'
import type { PlannedPart, PlannedStep } from './plan-schema.ts'

/** Longer than any command is. */
const wholeCharacters = 1_000_000

export function emptyPart(): PlannedPart {
  return { steps: [], undo: [], takenBack: [] }
}

export class PlanRecorder {
  private readonly assumed: Assumed
  private readonly secrets: readonly string[]
  private part = emptyPart()
  private takingBack = false
  /** As a repetition of the run is called. */
  private readonly times: string

  constructor(options: {
    readonly assumed: Assumed
    readonly secrets: readonly string[]
    readonly repetitions: { readonly min: number; readonly max: number }
  }) {
    const { assumed, secrets, repetitions } = options
    this.assumed = assumed
    this.secrets = secrets
    this.times = `repetition 1 of ${repetitions.min} to ${repetitions.max}:`
  }

  readonly observe: Observe = ({ machine, kind, name }) => {
    this.add({ machine, kind, name: this.shown(name.replace(/^repetition 1 of 1 to 1:/, this.times)) })
    return () => undefined
  }

  /** What the container is created with, beside the step that creates it. */
  creating(machine: string, container: string, body: object): void {
    const shown = JSON.parse(
      this.assumed.show(JSON.stringify(recordWithoutSecrets(body, this.secrets))),
    ) as object
    const name = `POST /containers/create?name=${container}`
    const step = this.part.steps.findLast((each) => each.machine === machine && each.name === name)
    if (step) Object.assign(step, { body: shown })
  }

  /** What is run in a step that has a name of its own. */
  running(machine: string, name: string, argv: readonly string[]): void {
    const shown = this.shown(name)
    const steps = this.takingBack ? this.part.takenBack : this.part.steps
    const step = steps.findLast((each) => each.machine === machine && each.name === shown)
    if (step) Object.assign(step, { command: this.shown(quoteArgv(argv)) })
  }

  recorded({ what, undo }: JournalEntry): void {
    const commands = commandsOf(undo).map((one) => this.shown(one))
    const planned = { what: this.shown(what), kind: undo.kind, commands }
    // what each repetition makes anew is told once
    const told = this.part.undo.some((each) => each.what === planned.what && each.kind === planned.kind)
    if (!told) this.part.undo.push(planned)
  }

  /** What `work` does belongs to `part`; with `takenBack`, to what takes it back. */
  async during<T>(part: PlannedPart, work: () => Promise<T>, takenBack = false): Promise<T> {
    const before = { part: this.part, takingBack: this.takingBack }
    Object.assign(this, { part, takingBack: takenBack })
    try {
      return await work()
    } finally {
      Object.assign(this, before)
    }
  }

  shown(text: string): string {
    return this.assumed.show(cleanCut(text, wholeCharacters, this.secrets))
  }

  private add(step: PlannedStep): void {
    ;(this.takingBack ? this.part.takenBack : this.part.steps).push(step)
  }
}

const argv = z.array(z.string())

/** Those that the undo itself says; how others are taken back is what the plan's own taking back shows. */
function commandsOf(undo: JournalEntry['undo']): string[] {
  const several = z.array(argv).safeParse(undo['commands'])
  if (several.success) return several.data.map(quoteArgv)
  const object = argv.safeParse(undo['arguments'])
  if (!object.success || typeof undo['container'] !== 'string') return []
  return [`docker exec ${undo['container']} ${quoteArgv(['dpservice-cli', '-o', 'json', ...object.data])}`]
}
