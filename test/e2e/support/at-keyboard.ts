/** `dpbench` as a person types it: in a terminal that `script` makes, with keys pressed when it says what they wait for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { quoteArgv } from '../../../src/core/shell-quote.ts'
import { waitFor } from '../../../src/core/wait.ts'
import { dpbenchBin } from './project.ts'

export class AtKeyboard {
  readonly child: ChildProcess
  readonly status: Promise<number | NodeJS.Signals>
  #text = ''
  #seen = 0

  /** @param terminal whether it has one; else its standard streams are pipes */
  constructor(argv: readonly string[], cwd: string, terminal: boolean) {
    const command = [process.execPath, dpbenchBin, ...argv]
    const [program, ...args] = terminal
      ? ['script', '--quiet', '--flush', '--return', '--command', quoteArgv(command), '/dev/null']
      : command
    // a process group of its own, as a terminal makes for a command
    this.child = spawn(program!, args, { cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.#text += chunk))
    this.status = once(this.child, 'close').then(
      ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
    )
    this.child.stdin!.on('error', () => undefined) // it may end before it has read everything
    onTestFinished(async () => {
      this.child.kill('SIGKILL')
      await this.status
    })
  }

  /** All that it has said. */
  get text(): string {
    // a shell's bracketed paste, on and off
    // oxlint-disable-next-line no-control-regex
    return this.#text.replaceAll(/\r|\u001b\[\?2004[hl]/g, '')
  }

  press(keys: string): void {
    this.child.stdin!.write(keys)
  }

  /** Until it has said that, after what was waited for before. */
  async says(pattern: RegExp): Promise<void> {
    await waitFor(
      async () => {
        const found = pattern.exec(this.text.slice(this.#seen))
        if (!found) return { state: 'pending', seen: this.text }
        this.#seen += found.index + found[0].length
        return { state: 'ready', value: undefined }
      },
      { what: `dpbench to say ${pattern}`, timeoutMs: 60_000, maxIntervalMs: 50 },
    )
  }

  /** Gives it all input at once, and waits for its end. */
  async given(input = ''): Promise<{ status: number | NodeJS.Signals; text: string }> {
    this.child.stdin!.end(input)
    return { status: await this.status, text: this.text }
  }
}
