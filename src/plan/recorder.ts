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

  constructor(assumed: Assumed, secrets: readonly string[]) {
    this.assumed = assumed
    this.secrets = secrets
  }

  readonly observe: Observe = ({ machine, kind, name }) => {
    this.add({ machine, kind, name: this.shown(name) })
    return () => undefined
  }

  /** What the container is created with, beside the step that creates it. */
  creating(machine: string, container: string, body: object): void {
    const shown = JSON.parse(this.assumed.show(JSON.stringify(recordWithoutSecrets(body, this.secrets)))) as object
    const name = `POST /containers/create?name=${container}`
    const step = this.part.steps.findLast((each) => each.machine === machine && each.name === name)
    if (step) Object.assign(step, { body: shown })
  }

  recorded({ what, undo }: JournalEntry): void {
    const commands = commandsOf(undo).map((one) => this.shown(one))
    this.part.undo.push({ what: this.shown(what), kind: undo.kind, commands })
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
