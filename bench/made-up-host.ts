/** A host that answers a sampler as a real one would, for as many seconds as it is told, in no time. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandResult, answered } from '../src/core/command-result.ts'
import type { RunOptions } from '../src/transport/host.ts'
import { partMark, readyLine } from '../src/machine/counters/script.ts'

const cores = 8
/** USER_HZ of /proc/stat. */
const ticks = 100

/** A reading of a real machine, without its cores and its clock, which are made up. */
const recorded = readFileSync(
  join(import.meta.dirname, '../test/machine/counters/fixtures/busy-core.txt'),
  'utf8',
)
const constant = recorded.slice(0, recorded.indexOf(`${partMark}cores`))

export class MadeUpHost {
  readonly name: string
  readonly #seconds: number
  #uptime: number

  constructor(index: number, seconds: number) {
    this.name = `host-${index}`
    this.#seconds = seconds
    this.#uptime = 10_000 + index
  }

  async tryRun(argv: readonly string[], { input, onLine }: RunOptions = {}): Promise<CommandResult> {
    const first = this.#reading()
    onLine?.(readyLine)
    if (input !== undefined && typeof input !== 'string' && !Buffer.isBuffer(input)) {
      input.resume()
      await new Promise((resolve) => input.once('end', resolve))
    }
    const points = Array.from({ length: this.#seconds }, () => {
      this.#uptime++
      return `${this.#clock()}\n${this.#stat()}`
    })
    this.#uptime++
    const stdout = `${first}${readyLine}\n${this.#reading()}${partMark}series\n${points.join('')}${partMark}end\n`
    return answered(this.name, argv, stdout)
  }

  #reading(): string {
    return `${constant}${partMark}cores\n${this.#coreLines()}${partMark}uptime\n${this.#clock()} 1.00\n`
  }

  #clock(): string {
    return this.#uptime.toFixed(2)
  }

  /** The sum, and each core. */
  #stat(): string {
    return `cpu  ${this.#use(cores)}\n${this.#coreLines()}`
  }

  #coreLines(): string {
    return Array.from({ length: cores }, (_, core) => `cpu${core} ${this.#use(1)}\n`).join('')
  }

  /** user nice system idle iowait irq softirq steal guest guest_nice */
  #use(times: number): string {
    const all = Math.round(this.#uptime * ticks * times)
    const [user, system, softirq] = [0.2, 0.3, 0.1].map((share) => Math.round(all * share)) as [
      number,
      number,
      number,
    ]
    return [user, 0, system, all - user - system - softirq, 0, 0, softirq, 0, 0, 0].join(' ')
  }
}
