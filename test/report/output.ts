/** What a command prints, kept for a test instead of shown. */
import { onTestFinished, vi } from 'vitest'

export interface Output {
  stdout: string
  stderr: string
}

/** Until the test ends. */
export function collectOutput(): Output {
  const output: Output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    const spy = vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += String(text)
      return true
    })
    onTestFinished(() => spy.mockRestore())
  }
  return output
}
