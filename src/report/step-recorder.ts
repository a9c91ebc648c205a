/**
 * Turns what is told of steps into entries of a log, one or two per step, as they happen. The process that did the steps may
 * be killed: what it has written until then still is a timeline (steps.ts).
 */
import type { Observe, StepBegun, StepEnded } from '../core/steps.ts'
import { textWithoutSecrets } from './secrets.ts'
import { keptOutputCharacters, type StepRecord } from './step-schema.ts'

/** A line of the log. A later entry of a step says more than an earlier one; without an end it never ended. */
export interface StepEntry {
  readonly id: number
  readonly step: Omit<StepRecord, 'outcome' | 'durationMs' | 'count'>
  readonly end?: Pick<StepRecord, 'outcome' | 'durationMs'>
}

type Test = NonNullable<StepRecord['test']>

/** A step that lasts longer is written before its end too. */
const longMs = 1_000

/** As long as a command's text is shown. */
const keptNameCharacters = 400

/** Around what is kept, this much more is cleaned of secrets, so that none is cut into a piece that is not known. */
const cleanedAround = 16_000

export interface StepRecorderOptions {
  readonly mode?: string | undefined
  /** Secrets of the run, replaced wherever they are. */
  readonly secrets: readonly string[]
  readonly write: (entry: StepEntry) => void
  /** Is told of phases as well: what a screen shows. */
  readonly onPhase?: ((phase: { id: number; name: string; state: 'begun' | 'ended' }) => void) | undefined
}

export class StepRecorder {
  private readonly options: StepRecorderOptions
  private test: Test | undefined
  private count = 0

  constructor(options: StepRecorderOptions) {
    this.options = options
  }

  /** From now on steps belong to this test, or to none. */
  during(test: Test | undefined): void {
    this.test = test
  }

  readonly observe: Observe = (begun) => {
    const id = this.count++
    const { mode, write, onPhase } = this.options
    const started = performance.now()
    const step = {
      ...this.named(begun),
      ...(mode !== undefined && { mode }),
      ...(this.test && { test: this.test }),
      startedAt: new Date().toISOString(),
    }
    const phase = begun.kind === 'phase'
    if (phase) {
      write({ id, step })
      onPhase?.({ id, name: begun.name, state: 'begun' })
    }
    const timer = phase ? undefined : setTimeout(() => write({ id, step }), longMs).unref()
    return (ended) => {
      clearTimeout(timer)
      const { outcome } = ended
      const durationMs = Math.round((performance.now() - started) * 10) / 10
      write({ id, step: { ...step, ...this.left(ended) }, end: { outcome, durationMs } })
      if (phase) onPhase?.({ id, name: begun.name, state: 'ended' })
    }
  }

  private named({ machine, kind, name }: StepBegun): StepBegun {
    return { machine, kind, name: cleanCut(name, keptNameCharacters, this.options.secrets) }
  }

  private left({ exitStatus, signal, output }: StepEnded): Partial<StepEntry['step']> {
    const kept = output?.trim() ? cleanCut(output, keptOutputCharacters, this.options.secrets) : undefined
    return {
      ...(exitStatus !== undefined && { exitStatus }),
      ...(signal !== undefined && { signal }),
      ...(kept !== undefined && { output: kept }),
    }
  }
}

/** Cut in the middle to at most `limit` characters, without secrets. */
export function cleanCut(text: string, limit: number, secrets: readonly string[]): string {
  const around = cutInTheMiddle(text, limit + 2 * cleanedAround)
  return cutInTheMiddle(textWithoutSecrets(around, secrets), limit)
}

export function cutInTheMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text
  const room = limit - gap(text.length).length
  const head = Math.ceil(room / 2)
  return `${text.slice(0, head)}${gap(text.length - room)}${text.slice(text.length - (room - head))}`
}

function gap(characters: number): string {
  return `\n… ${characters} characters are not kept …\n`
}
